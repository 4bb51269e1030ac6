"""The rooms application as its guests have it, row by row of what sfu-ws and its variant with rooms can do.

opening the page publishes camera and microphone   test_opening_an_address_publishes_camera_and_microphone
N people each see N-1, no loopback                 test_each_of_four_sees_three_and_nobody_themselves
join and leave update everyone                     the same
keyframe when somebody joins, in every room        test_whoever_joins_any_room_has_a_picture_within_a_second
H264 and VP8 senders in one call                   test_senders_of_h264_and_vp8_in_one_call
failed connections are pruned                      test_a_page_that_is_killed_vanishes_for_the_others
rooms by URL, in two ways, isolated                test_two_addresses_of_a_room_are_one_room_and_another_is_another
join and leave button, toggles                     test_microphone_camera_and_screen_go_off_and_on
call timer                                         test_a_call_has_its_time
carousel, projector, its fallback                  test_the_projector_shows_whom_one_clicks_and_falls_back
preview before joining                             test_the_preview_is_seen_by_nobody_else
a page that tells errors                           test_it_says_…, test_who_has_no_camera_can_watch
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, Page, expect
from support.machine import free_port
from support.visitors import KEEP_CONNECTIONS, Visitors, shows, visiting
from support.waiting import until

pytestmark = pytest.mark.browser

NO_CAMERA = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError') }"
REFUSED = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError') }"
INSECURE = "Object.defineProperty(navigator, 'mediaDevices', {value: undefined})"
KEEP_TIMES = """() => {
  window.times = [];
  const timer = document.querySelector("#timer");
  new MutationObserver(() => times.push(timer.textContent)).observe(timer, {childList: true, characterData: true,
    subtree: true});
}"""
KEEP_VOICE = """{
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    window.voice = stream.getAudioTracks()[0] ?? window.voice;
    return stream;
  };
}"""
"""window.voice is the microphone that was opened last."""
VOICE = "[voice.readyState, voice.enabled, voice.getSettings().deviceId]"
NO_WEBRTC = "delete window.RTCPeerConnection"
DIVERT = """(port) => {
  const set = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({type, sdp}) {
    return set.call(this, {type, sdp: sdp.replace(/ \\S+ \\d+ typ/g, ` 127.0.0.1 ${port} typ`)});
  };
}"""
FIRST_PICTURES = """() => {
  const note = (name) => ({target}) => {
    if (!target.dataset?.peerId || !target.closest("#carousel")) return;
    window.pictures ??= [];
    window.pictures.push([name, performance.now()]);
  };
  document.addEventListener("loadstart", note("came"), true);
  document.addEventListener("loadeddata", note("shown"), true);
  document.addEventListener("submit", () => { window.pictures = [["asked", performance.now()]]; }, true);
}"""
"""The times at which a picture was asked for, its track came, and its first frame was there."""
VOICES = """() => [...document.querySelectorAll("#sound audio")]
  .filter(({srcObject, currentTime}) => srcObject && currentTime > 0).map(({dataset}) => dataset.peerId)"""
CODECS = """async () => {
  const used = new Set();
  for (const connection of window.connections) {
    const entries = [...(await connection.getStats()).values()];
    for (const {type, kind, codecId, framesDecoded} of entries) {
      if (type !== "inbound-rtp" || kind !== "video" || !framesDecoded) continue;
      used.add(entries.find(({id}) => id === codecId).mimeType);
    }
  }
  return [...used].sort();
}"""
SECOND_MS = 1000


@pytest_asyncio.fixture
async def visitors(browser: Browser) -> AsyncIterator[Visitors]:
    async with visiting(browser, "rooms", "--grace", "3") as arriving:
        yield arriving


async def enter(visitors: Visitors, address: str, name: str, colour: str = "red", script: str = "") -> Page:
    page = await visitors.open(address, colour=colour, script=script)
    await join(page, name)
    return page


async def join(page: Page, name: str) -> None:
    await expect(page.locator("#join-button")).to_have_text("Join the call")
    await page.fill("#own-name", name)
    await page.click("#join-button")
    await expect(page.locator("body")).to_have_attribute("data-screen", "call")


async def sees(page: Page, **pictures: str) -> None:
    """Exactly these people's tiles are there, each with the picture of its own colour ("": without)."""
    await shows(page, "#carousel .tile[data-peer-id]", ".tile-name", pictures)


async def test_opening_an_address_publishes_camera_and_microphone(visitors: Visitors) -> None:
    one = await visitors.open("/open?join", colour="red")
    two = await visitors.open("/?room-id=open&join", colour="blue")
    for page, colour in ((one, "blue"), (two, "red")):
        name = page.locator("#carousel .tile[data-peer-id] .tile-name")
        await expect(name).to_contain_text("Guest")
        await shows(page, "#carousel .tile[data-peer-id]", ".tile-name", {await name.inner_text(): colour})
        await until(lambda page=page: page.evaluate(VOICES), "a voice")  # type: ignore[misc]


async def test_each_of_four_sees_three_and_nobody_themselves(visitors: Visitors) -> None:
    everybody = {"Red": "red", "Green": "green", "Blue": "blue", "Cyan": "cyan"}
    pages = {name: await enter(visitors, "/four", name, colour) for name, colour in everybody.items()}
    for own, page in pages.items():
        await sees(page, **{name: colour for name, colour in everybody.items() if name != own})
        await until(lambda page=page: heard(page, 3), "three voices")  # type: ignore[misc]
        await expect(page.locator("#head-count")).to_have_text("4")
    await pages["Green"].click("#leave")
    await expect(pages["Red"].locator("#toast")).to_have_text("Green left")
    for own in ("Red", "Blue", "Cyan"):
        left = {name: colour for name, colour in everybody.items() if name not in (own, "Green")}
        await sees(pages[own], **left)
        await expect(pages[own].locator("#head-count")).to_have_text("3")
        await expect(pages[own].locator("#sound audio")).to_have_count(2)
    await pages["Green"].click("#join-button")
    await sees(pages["Red"], Blue="blue", Cyan="cyan", Green="green")
    await sees(pages["Green"], Red="red", Blue="blue", Cyan="cyan")


async def heard(page: Page, count: int) -> bool:
    voices: list[str] = await page.evaluate(VOICES)
    return len(voices) == len(set(voices)) == count


async def test_two_addresses_of_a_room_are_one_room_and_another_is_another(visitors: Visitors) -> None:
    red = await enter(visitors, "/12345", "Red", "red")
    await expect(red.locator("#invite-url")).to_have_value(red.url)
    blue = await enter(visitors, "/?room-id=12345", "Blue", "blue")
    cyan = await enter(visitors, "/elsewhere", "Cyan", "cyan")
    await sees(red, Blue="blue")
    await sees(blue, Red="red")
    await expect(red.locator("#invite")).to_be_hidden()
    await expect(cyan.locator("#invite")).to_be_visible()
    green = await enter(visitors, "/elsewhere", "Green", "green")
    await sees(cyan, Green="green")
    await sees(green, Cyan="cyan")
    await sees(red, Blue="blue")
    await expect(red.locator("#sound audio")).to_have_count(1)
    await blue.reload()
    await expect(red.locator("#invite")).to_be_visible()
    await sees(red)


async def test_whoever_joins_any_room_has_a_picture_within_a_second(visitors: Visitors) -> None:
    """The senders have been at it for longer than that: without a keyframe asked for there would be none."""
    rooms = {"/first": "red", "/second": "blue"}
    for address, colour in rooms.items():
        await enter(visitors, address, "Sender", colour)
    for address, colour in rooms.items():
        page = await enter(visitors, address, "Joiner", "green", f"({FIRST_PICTURES})()")
        waits = []
        for _ in range(3):
            await sees(page, Sender=colour)
            times: dict[str, float] = dict(await page.evaluate("pictures"))
            waits.append(times["shown"] - times["came"])
            print(f"{address}: a picture {times['shown'] - times['asked']:.0f} ms after the click, {waits[-1]:.0f} ms"
                  " after its track came")
            await page.click("#leave")
            await page.click("#join-button")
        assert min(waits) < SECOND_MS


async def test_senders_of_h264_and_vp8_in_one_call(visitors: Visitors) -> None:
    await enter(visitors, "/codecs?codec=H264", "H264", "red")
    await enter(visitors, "/codecs?codec=VP8", "VP8", "blue")
    viewer = await enter(visitors, "/codecs", "Viewer", "green", f"({KEEP_CONNECTIONS})()")
    await sees(viewer, H264="red", VP8="blue")
    assert await viewer.evaluate(CODECS) == ["video/H264", "video/VP8"]


async def test_a_page_that_is_killed_vanishes_for_the_others(visitors: Visitors) -> None:
    red, blue, green = [
        await enter(visitors, "/killed", name, name.lower()) for name in ("Red", "Blue", "Green")
    ]
    await sees(red, Blue="blue", Green="green")
    await crash(blue)
    await expect(red.locator("#toast")).to_have_text("Blue left")
    await sees(red, Green="green")
    await sees(green, Red="red")
    await expect(red.locator("#sound audio")).to_have_count(1)


async def crash(page: Page) -> None:
    """Its process dies, and cannot say goodbye."""
    try:
        await page.goto("chrome://crash")
    except Error:
        return


async def test_the_projector_shows_whom_one_clicks_and_falls_back(visitors: Visitors) -> None:
    red, green, blue = [await enter(visitors, "/three", name, name.lower()) for name in ("Red", "Green", "Blue")]
    await sees(red, Green="green", Blue="blue")
    await projects(red, "Green", "green")
    await red.get_by_role("button", name="Blue").click()
    await projects(red, "Blue", "blue")
    await expect(red.get_by_role("button", name="Blue")).to_have_attribute("aria-pressed", "true")
    await red.keyboard.press("Escape")
    await projects(red, "Green", "green")
    await red.get_by_role("button", name="Green").focus()
    await red.keyboard.press("ArrowDown")
    await red.keyboard.press("Enter")
    await projects(red, "Blue", "blue")

    await blue.click("#leave")
    await projects(red, "Green", "green")
    await expect(blue.locator("body")).to_have_attribute("data-screen", "preview")
    await green.click("#leave")
    await projects(red, "You", "red")
    await green.click("#join-button")
    await projects(red, "Green", "green")


async def projects(page: Page, name: str, colour: str) -> None:
    await shows(page, "#projector", "#projector-name", {name: colour})


async def test_the_preview_is_seen_by_nobody_else(visitors: Visitors) -> None:
    red = await enter(visitors, "/preview", "Red", "red")
    blue = await visitors.open("/preview", colour="blue", script=KEEP_VOICE)
    await shows(blue, ".mirror", ".mirror-text", {"": "blue"})
    await expect(red.locator("#head-count")).to_have_text("1")
    await blue.click("#preview [data-toggle=camera]")
    await shows(blue, ".mirror", ".mirror-text", {"Your camera is off": ""})

    microphones = blue.locator("#pick-microphone option")
    await expect(microphones).not_to_have_count(0)
    await expect(microphones).not_to_have_count(1)
    await blue.click("#preview [data-toggle=microphone]")
    chosen = await microphones.last.get_attribute("value") or ""
    await blue.select_option("#pick-microphone", chosen)
    await blue.click("#preview [data-toggle=microphone]")
    await expect(blue.locator("#preview [data-toggle=microphone]")).to_have_attribute("aria-pressed", "true")
    assert await blue.evaluate(VOICE) == ["live", True, chosen]
    await join(blue, "Blue")
    await sees(red, Blue="")
    await blue.keyboard.press("v")
    await sees(red, Blue="blue")


async def test_microphone_camera_and_screen_go_off_and_on(visitors: Visitors) -> None:
    red, blue = [await enter(visitors, "/switches", name, name.lower()) for name in ("Red", "Blue")]
    await sees(red, Blue="blue")
    microphone, camera = [blue.locator(f"#call [data-toggle={kind}]") for kind in ("microphone", "camera")]
    muted = red.get_by_role("img", name="is muted")
    await expect(muted).to_have_count(0)
    await microphone.click()
    await expect(muted).to_have_count(1)
    await blue.keyboard.press("m")
    await expect(muted).to_have_count(0)

    await camera.click()
    await sees(red, Blue="")
    await camera.click()
    await sees(red, Blue="blue")

    await blue.click("#share-screen")
    await expect(red.locator("#projector")).to_have_attribute("data-label", "screen")
    await shows(red, "#carousel .tile[data-peer-id]", ".tile-name", {"Blue · screen": "blue", "Blue": "blue"})
    await blue.click("#share-screen")
    await sees(red, Blue="blue")


async def test_a_call_has_its_time(visitors: Visitors) -> None:
    page = await enter(visitors, "/timed", "Red")
    await page.evaluate(KEEP_TIMES)
    await until(lambda: page.evaluate("times.some((time) => time >= '0:02')"), "two seconds")
    await page.click("#leave")
    await expect(page.locator("#left-note")).to_contain_text("You left after 0:0")
    await page.evaluate("times.length = 0")
    await page.click("#join-button")
    await until(lambda: page.evaluate("times.length > 1"), "the time goes on")
    assert (await page.evaluate("times"))[0] in ("0:00", "0:01"), "from the beginning"


async def test_who_has_no_camera_can_watch(visitors: Visitors) -> None:
    red = await enter(visitors, "/audience", "Red", "red")
    viewer = await visitors.open("/audience", script=NO_CAMERA)
    await expect(viewer.locator("#device-notice")).to_contain_text("No camera and microphone found")
    await viewer.fill("#own-name", "Viewer")
    await viewer.get_by_role("button", name="Join as a viewer").click()
    await sees(viewer, Red="red")
    await sees(red, Viewer="")


async def test_it_says_why_it_cannot_work(visitors: Visitors) -> None:
    for script, words in ((REFUSED, "may not use your camera"), (INSECURE, "https"), (NO_WEBRTC, "has no WebRTC")):
        page = await visitors.open("/why", script=script)
        await expect(page.locator("#device-notice")).to_contain_text(words)
        if script == NO_WEBRTC:
            await expect(page.locator("#join-button")).to_be_disabled()
        else:
            await page.get_by_role("button", name="Join as a viewer").click()
            await expect(page.locator("body")).to_have_attribute("data-screen", "call")


async def test_it_says_which_port_to_open_when_udp_is_blocked(visitors: Visitors) -> None:
    nobody_answers = free_port()
    page = await enter(visitors, "/blocked", "Red", script=f"({DIVERT})({nobody_answers})")
    await expect(page.locator("#call-notice")).to_contain_text(f"server's port {nobody_answers}.", timeout=40_000)


async def test_the_start_page_offers_a_room(visitors: Visitors) -> None:
    page = await visitors.open("/")
    offered = await page.input_value("#room-name")
    await page.get_by_role("button", name="Another random name").click()
    assert offered
    assert await page.input_value("#room-name") not in ("", offered)
    await page.fill("#room-name", "tea & cake?")
    await page.keyboard.press("Enter")
    await expect(page.locator("#preview h1")).to_have_text("tea & cake?")
    assert page.url.endswith("/tea%20%26%20cake%3F")
    await page.goto(visitors.server.url)
    await page.fill("#room-name", "team/standup")
    await page.keyboard.press("Enter")
    await expect(page.locator("#preview h1")).to_have_text("team/standup")
