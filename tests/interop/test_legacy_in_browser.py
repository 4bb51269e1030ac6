"""Pages written for SimpleMediasoupPeer, with its own client, unchanged: its three generations, and SimplePeer with
each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from playwright.async_api import Browser
from support.legacy_app import LegacyPage, async_app, needs_the_original, thread_app
from support.waiting import until

from simplesfu import MediaManager

App = Callable[..., AbstractAsyncContextManager[tuple[str, MediaManager]]]

pytestmark = [pytest.mark.browser, pytest.mark.slow, needs_the_original]


async def stands(viewer: LegacyPage, publisher: LegacyPage, label: str) -> None:
    async def still() -> bool:
        before = await viewer.frames(publisher, label)
        await asyncio.sleep(1)
        return await viewer.frames(publisher, label) <= before + 1

    await until(still, "the picture stands still")


@pytest.mark.parametrize("app", [async_app, thread_app], ids=["asyncio", "threading"])
async def test_the_first_client_and_a_new_one_see_each_other(app: App, browser: Browser) -> None:
    async with app() as (url, media):
        red = await LegacyPage.open(browser, url, "first", "red")
        green = await LegacyPage.open(browser, url, "first", "green")
        blue = await LegacyPage.open(browser, url, "new", "blue")
        assert await red.run("socket.id") == red.id
        await until(lambda: {red.id, green.id, blue.id} == set(media.peers), 'peers by the ids of their sockets')

        await green.run("stage.add('webcam', false)")
        await blue.run("stage.add('camera', true)")
        await red.run(f"peer.connectToPeer('{green.id}')")
        await red.sees(green, "webcam", "green")
        await red.sees(blue, "camera", "blue")
        await green.sees(blue, "camera", "blue")  # broadcast: nobody asked
        await blue.run(f"peer.connectToPeer('{green.id}')")
        await blue.sees(green, "webcam", "green")

        await red.run(f"peer.pausePeer('{green.id}')")
        await red.run(f"peer.pausePeer('{blue.id}')")  # broadcast too, which the original left out
        await stands(red, green, "webcam")
        await stands(red, blue, "camera")
        await red.run(f"peer.resumePeer('{green.id}')")
        await red.sees(green, "webcam", "green")

        await green.close()
        await until(lambda: red.run(f"stage.gone.includes('{green.id}')"), "green has gone")
        await until(lambda: blue.run(f"stage.gone.includes('{green.id}')"), "green has gone for the new one, too")
        assert not red.faults
        for page in (red, blue):
            await page.close()


async def test_the_second_client_has_rooms_and_data(browser: Browser) -> None:
    async with async_app() as (url, media):
        red = await LegacyPage.open(browser, url, "second", "red", room="hall")
        green = await LegacyPage.open(browser, url, "second", "green", room="hall")
        blue = await LegacyPage.open(browser, url, "new", "blue", room="hall")
        other = await LegacyPage.open(browser, url, "second", "yellow", room="elsewhere")
        assert media.peers[red.id].rooms == ("hall",)
        await until(lambda: red.run(f"stage.connected.includes('{blue.id}')"), "peerConnection")

        for page in (red, green, blue, other):
            await page.run("stage.add('webcam', true)")
        for viewer in (red, green, blue):
            for publisher, colour in ((red, "red"), (green, "green"), (blue, "blue")):
                if viewer is not publisher:
                    await viewer.sees(publisher, "webcam", colour)
        assert await other.run("Object.keys(stage.seen()).length") == 0

        async def heard(page: LegacyPage, sender: LegacyPage, text: str) -> bool:
            await sender.run(f"stage.send('{text}')")  # lossy: said until it arrives
            found: bool = await page.run(
                f"stage.messages.some(({{ from, data }}) => from === '{sender.id}' && data === '{text}')"
            )
            return found

        for sender, listener in ((red, green), (red, blue), (blue, red), (blue, green)):
            text = f"{sender.generation} to {listener.generation}"
            await until(lambda a=listener, b=sender, t=text: heard(a, b, t), text, every_s=0.3)
        assert await other.run("stage.messages.length") == 0

        await green.run("peer.removeTrack('webcam')")
        await until(lambda: blue.run(f"stage.removed.includes('{green.id}/webcam')"), "removed")
        await green.close()
        await until(lambda: red.run(f"stage.gone.includes('{green.id}')"), "peerDisconnection")
        for page in (red, blue, other):
            await page.close()


async def test_the_second_client_may_choose(browser: Browser) -> None:
    async with async_app() as (url, _):
        red = await LegacyPage.open(browser, url, "second", "red", room="hall", chooses="")
        green = await LegacyPage.open(browser, url, "second", "green", room="hall")
        await green.run("stage.add('webcam', false)")
        await until(lambda: red.run(f"'{green.id}' in peer.latestAvailableProducers"), "green's track is listed")
        await stands(red, green, "webcam")
        assert await red.frames(green, "webcam") == 0
        await red.run(f"peer.connectToPeer('{green.id}')")
        await red.sees(green, "webcam", "green")
        await red.run(f"peer.disconnectFromPeer('{green.id}')")
        await stands(red, green, "webcam")
        for page in (red, green):
            await page.close()


async def test_the_newest_client_gets_what_is_in_its_room(browser: Browser) -> None:
    async with async_app() as (url, media):
        lobby = await LegacyPage.open(browser, url, "new", "yellow")
        blue = await LegacyPage.open(browser, url, "new", "blue", room="hall")
        red = await LegacyPage.open(browser, url, "third", "red", room="hall")
        await red.run("stage.add('webcam')")
        green = await LegacyPage.open(browser, url, "third", "green", room="hall")
        await green.run("stage.add('webcam')")
        await blue.run("stage.add('webcam', true)")
        for viewer in (red, green, blue):
            for publisher, colour in ((red, "red"), (green, "green"), (blue, "blue")):
                if viewer is not publisher:
                    await viewer.sees(publisher, "webcam", colour)
        assert await lobby.run("stage.connected") == [], "on their way into the room they were not in the lobby"

        await red.run(f"peer.pausePeer('{green.id}')")
        await stands(red, green, "webcam")
        await red.run(f"peer.resumePeer('{green.id}')")
        await red.sees(green, "webcam", "green")

        await green.run("peer.removeTrack({ label: 'webcam' })")
        await until(lambda: red.run(f"stage.removed.includes('{green.id}/webcam')"), "trackRemoved")

        await green.run("peer.joinRoom('elsewhere')")  # in the original it never got out of the first room
        await until(lambda: media.peers[green.id].rooms == ("elsewhere",), "green has moved")
        await until(lambda: blue.run(f"stage.gone.includes('{green.id}')"), "green has gone")
        assert await lobby.run("stage.connected") == [], "nor on the way into the next one"
        await red.close()
        await until(lambda: blue.run(f"stage.gone.includes('{red.id}')"), "red has gone")
        for page in (green, blue, lobby):
            await page.close()
