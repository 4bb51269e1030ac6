"""A call that goes from links to the router and back, between clients that speak nothing but the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import permutations

import pytest
from support.in_process import MediaApp, media_app
from support.link_browser import LinkBrowser
from support.waiting import until


def flowing(app: MediaApp) -> set[tuple[str, str]]:
    """Viewer and publisher, where a consumer of whatever carrier flows. On the engine's loop."""
    return {
        (session.id, one.publication.publisher.id)
        for session in app.media._peers.sessions()
        for one in session.subscriptions.values()
        if one.ready and not one.consumer.paused
    }


def pairs(*browsers: LinkBrowser) -> set[tuple[str, str]]:
    return {(viewer.peer_id, publisher.peer_id) for viewer, publisher in permutations(browsers, 2)}


@asynccontextmanager
async def nothing_is_lost(app: MediaApp, *browsers: LinkBrowser) -> AsyncIterator[None]:
    """Each gets the other's track all the while."""
    looks = 0

    async def watch() -> None:
        nonlocal looks
        while True:
            missing = pairs(*browsers) - await app.on_engine(lambda: flowing(app))
            assert not missing, f"after {looks} looks"
            looks += 1
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    yield
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    print(f"looked {looks} times")


async def everybody_gets_everybody(app: MediaApp, carrier: str, *browsers: LinkBrowser) -> None:
    wanted = {publisher.producer_id: carrier for publisher in browsers}

    def settled() -> bool:
        return all(
            browser.idle and browser.consumers.keys() == wanted.items() - {(browser.producer_id, carrier)}
            for browser in browsers
        )

    await until(settled, f"all consume by {carrier}", every_s=0.02)
    assert pairs(*browsers) <= await app.on_engine(lambda: flowing(app))


@pytest.mark.slow
async def test_links_for_two_the_router_for_three_and_back() -> None:
    async with (
        media_app(mesh_settle_s=0.3) as app,
        LinkBrowser(app.url, "auto") as one,
        LinkBrowser(app.url, "auto") as other,
    ):
        changes: list[tuple[str, str]] = []
        app.media.on("carrier_change", lambda info: changes.append((info.carrier, info.reason)))
        for browser in (one, other):
            await browser.join("hall")
        await everybody_gets_everybody(app, "mesh", one, other)
        await until(lambda: one.links == {other.peer_id: "connected"}, "the link stands")
        assert not app.media._router.producers, "nothing goes by the server"
        async with nothing_is_lost(app, one, other):
            async with LinkBrowser(app.url, "auto") as third:
                await third.join("hall")
                await everybody_gets_everybody(app, "sfu", one, other, third)
                assert app.media._router.producers.keys() == {one.producer_id, other.producer_id, third.producer_id}
                await one.lose_socket()
                assert (await one.come_back())["resumed"]
            await everybody_gets_everybody(app, "mesh", one, other)
            await until(lambda: not app.media._router.producers, "the router is left alone again")
        for viewer, publisher in ((one, other), (other, one)):
            assert viewer.carriers_of(publisher) == ["mesh", "sfu", "mesh"]
            assert not viewer.heard("producerUnavailable", producerId=publisher.producer_id)
        first, second = sorted((one, other), key=lambda browser: browser.peer_id)
        assert (second.offers_from(first.peer_id), first.offers_from(second.peer_id)) == (2, 0), "once for each link"
        assert changes == [("mesh", "two_peers"), ("sfu", "third_peer"), ("mesh", "two_peers")]


async def test_a_mesh_of_three_beside_one_that_goes_by_the_server() -> None:
    async with (
        media_app() as app,
        LinkBrowser(app.url, "mesh") as one,
        LinkBrowser(app.url, "mesh") as other,
        LinkBrowser(app.url, "mesh") as third,
        LinkBrowser(app.url, "auto") as fourth,
    ):
        for browser in (one, other, third):
            await browser.join("hall")
        await everybody_gets_everybody(app, "mesh", one, other, third)
        await fourth.join("hall")
        browsers = (one, other, third, fourth)
        await until(lambda: all(len(browser.consumers) == 3 for browser in browsers), "everybody gets everybody")
        assert {carrier for _, carrier in fourth.consumers} == {"sfu"}
        for browser in (one, other, third):
            assert browser.consumers.keys() >= {(fourth.producer_id, "sfu")}
            assert sum(carrier == "mesh" for _, carrier in browser.consumers) == 2
            assert list(browser.links.values()).count("connected") == 2
        links = [browser.offers_from(peer.peer_id) for browser in browsers for peer in browsers]
        assert sum(links) == 3, "one for each pair"
