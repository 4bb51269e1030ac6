"""Chromium without Playwright, which holds every page in the foreground: here a tab behind another one is hidden."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from .waiting import until

ADDRESS = re.compile(rb"DevTools listening on (ws://\S+)")


class PlainChromium:
    """The DevTools protocol, as far as it is needed."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.reader = asyncio.create_task(self._read())

    async def ask(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        request = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        await self._line.send(json.dumps(request))
        said = await asyncio.wait_for(answer, 30)
        assert "error" not in said, f"{method}: {said['error']}"
        result: dict[str, Any] = said["result"]
        return result

    async def open(self, url: str) -> Tab:
        """In a new tab before the others."""
        target = (await self.ask("Target.createTarget", url=url))["targetId"]
        session = (await self.ask("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        tab = Tab(self, target, session)
        there = "document.readyState === 'complete' && location.href !== 'about:blank'"
        await until(lambda: tab.evaluate(there), f"{url} in a new tab")
        return tab

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for text in self._line:
                said = json.loads(text)
                if "id" in said:
                    self._answers.pop(said["id"]).set_result(said)


class Tab:
    def __init__(self, browser: PlainChromium, target: str, session: str) -> None:
        self._browser = browser
        self._target = target
        self.session = session

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await self._browser.ask(method, self.session, **parameters)

    async def evaluate(self, expression: str) -> Any:
        """An expression, or a function that is called."""
        code = f"({expression})()" if re.match(r"(async )?\(\w*\) =>", expression) else expression
        said = await self.ask("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    async def close(self) -> None:
        await self._browser.ask("Target.closeTarget", targetId=self._target)


@asynccontextmanager
async def plain_chromium(flags: Sequence[str]) -> AsyncIterator[PlainChromium]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            "/usr/bin/chromium", "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}", *flags,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )
        try:
            assert process.stderr is not None
            while (found := ADDRESS.search(await asyncio.wait_for(process.stderr.readline(), 30))) is None:
                continue
            drain = asyncio.create_task(process.stderr.read())
            async with connect(found[1].decode(), max_size=None) as line:
                browser = PlainChromium(line)
                yield browser
                with suppress(Exception):
                    await browser.ask("Browser.close")
            await browser.reader
            await drain
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.terminate()
            await process.wait()
