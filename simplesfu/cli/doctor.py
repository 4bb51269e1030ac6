"""`simplesfu doctor`: can calls work here, and if not, what is to be done."""
from __future__ import annotations

import argparse
import asyncio
import json
import os
from pathlib import Path
from typing import Any, Final

from simplesfu.cli.finding import Finding, show
from simplesfu.cli.machine import check_machine
from simplesfu.cli.running import check_running
from simplesfu.cli.ways import WayClosedError, try_turn, turn_hint
from simplesfu.config import MediaConfig, MediaOptions
from simplesfu.errors import ConfigError

SECRET_VARIABLE: Final = "TURN_SECRET"


def add_to(commands: Any) -> None:
    """`commands`: of add_subparsers()."""
    parser = commands.add_parser(
        "doctor",
        help="can calls work here, and if not, what is to be done",
        description="Without --url: checks this machine as the place of a media server, with the options that "
        "MediaManager would be given. With it: signs on to a running application as a client and tries its ways.",
    )
    parser.add_argument("--url", help="of a running application: http://host:port")
    parser.add_argument("--path", default="socket.io", help="where its Socket.IO is (socket.io)")
    parser.add_argument("--auth", type=_json, metavar="JSON",
                        help="what its connect handler wants to be told")
    parser.add_argument("--listen", action="append", metavar="PORT",
                        help='as the option: 10000, "host:port"; repeatable')
    parser.add_argument("--announce", action="append", metavar="HOST", help="as the option; repeatable")
    parser.add_argument("--turn-url", action="append", metavar="URL", help="of turn_urls; repeatable")
    parser.add_argument("--turn-secret-file", metavar="FILE",
                        help=f"has turn_secret in it (otherwise: the environment's {SECRET_VARIABLE})")
    parser.set_defaults(run=run)


def _json(text: str) -> str:
    try:
        json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"it is not JSON: {error}") from error
    return text


def run(parsed: argparse.Namespace) -> int:
    """Shows what it finds. The exit code: 1 when something keeps calls from working."""
    findings = asyncio.run(_diagnose(parsed))
    bad = [finding for finding in findings if finding.verdict == "bad"]
    notes = [finding for finding in findings if finding.verdict == "note"]
    if bad:
        print(f"{len(bad)} {'thing keeps' if len(bad) == 1 else 'things keep'} calls from working.")
    elif notes:
        print("Calls can work; whether the notes matter depends on where your clients are.")
    else:
        print("All is well.")
    return 1 if bad else 0


async def _diagnose(parsed: argparse.Namespace) -> list[Finding]:
    if parsed.url:
        findings = await check_running(parsed.url, parsed.path, parsed.auth or "")
        show(f"{parsed.url}, seen from here", findings)
        return findings
    try:
        config = MediaConfig(**_options(parsed))
    except (ConfigError, OSError, UnicodeError) as error:
        findings = [Finding("bad", "options", str(error))]
    else:
        findings = [*check_machine(config), *await _check_turn(config)]
    show("This machine, as the place of a media server", findings)
    return findings


def _options(parsed: argparse.Namespace) -> MediaOptions:
    """Raises OSError or UnicodeError when the secret cannot be read."""
    options: MediaOptions = {}
    if parsed.listen:
        options["listen"] = [int(one) if one.isdigit() else one for one in parsed.listen]
    if parsed.announce:
        options["announce"] = parsed.announce
    if parsed.turn_url:
        options["turn_urls"] = parsed.turn_url
    if file := parsed.turn_secret_file:
        options["turn_secret"] = Path(file).read_text().strip()
    elif parsed.turn_url:
        options["turn_secret"] = os.environ.get(SECRET_VARIABLE)
    return options


async def _check_turn(config: MediaConfig) -> list[Finding]:
    return list(await asyncio.gather(*(
        _try_turn(url, server.username or "", server.credential or "")
        for server in config.ice.of("doctor") for url in server.urls if url.startswith("turn")
    )))


async def _try_turn(url: str, username: str, credential: str) -> Finding:
    try:
        await try_turn(url, username, credential, [])
    except WayClosedError as error:
        return Finding("bad", "TURN", f"{url}: {error}", turn_hint(error))
    return Finding("good", "TURN", f"{url} takes the credentials and gives an allocation")
