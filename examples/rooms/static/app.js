/** The three screens (start page, preview, call) and the buttons on them. */
import { Call } from "./call.js";
import { Devices } from "./devices.js";
import { watchLevel } from "./level.js";
import { notice, toast } from "./notices.js";
import * as problems from "./problems.js";
import { addressOf, randomRoom, roomAt, wishesOf } from "./room.js";
import { Stage } from "./stage.js";
import { icon, initialOf, showTrack } from "./tile.js";

const TOGGLES = {
  microphone: { icon: "mic", name: "Microphone", on: "Mute the microphone (M)", off: "Switch the microphone on (M)" },
  camera: { icon: "camera", name: "Camera", on: "Switch the camera off (V)", off: "Switch the camera on (V)" },
};

const $ = (selector) => document.querySelector(selector);
const $$ = (selector) => document.querySelectorAll(selector);

const KEYS = { m: "[data-toggle=microphone]", v: "[data-toggle=camera]", s: "#share-screen" };

const room = roomAt(location.href);
const wishes = wishesOf(location.href);
const devices = new Devices();
const stage = new Stage();
let call = null;
let startedAt = 0;
let nextTick;
let stopLevel = () => {};

function show(screen) {
  document.body.dataset.screen = screen;
  for (const element of $$("[data-when]")) element.hidden = element.dataset.when !== screen;
}

/* ---- start page ---- */

function showHome() {
  $("#room-host").textContent = `${location.host}/`;
  const field = $("#room-name");
  field.value = randomRoom();
  $("#another-name").addEventListener("click", () => {
    field.value = randomRoom();
    field.focus();
    field.select();
  });
  $("#open-room").addEventListener("submit", (event) => {
    event.preventDefault();
    location.assign(addressOf(field.value.trim()));
  });
  show("home");
}

/* ---- preview ---- */

async function showPreview() {
  document.title = `${room} · Rooms`;
  for (const element of $$("[data-room-name]")) element.textContent = room;
  $("#own-name").value = remembered();
  show("preview");

  renderOwn();
  await listDevices();
  const problem = problems.environmentProblem();
  if (problem) notice($("#device-notice"), problem);
  else await openDevices();
  if (problem?.fatal) $("#join-button").disabled = true;
  else if (wishes.joins) await join();
}

async function openDevices() {
  notice($("#device-notice"), null);
  $("#own-state").textContent = "Waiting for your camera and microphone …";
  const { camera, microphone } = await devices.open();
  if (camera && microphone) notice($("#device-notice"), problems.deviceProblem(camera), openDevices);
  else if (camera) notice($("#device-notice"), problems.deviceProblem(camera, "camera"), openDevices);
  else if (microphone) notice($("#device-notice"), problems.deviceProblem(microphone, "microphone"), openDevices);
  renderOwn();
  await listDevices();
}

async function listDevices() {
  for (const select of $$("[data-pick]")) {
    const kind = select.dataset.pick;
    const found = await devices.list(kind);
    const options = found.map(({ deviceId, label }, index) => {
      return new Option(label || `${TOGGLES[kind].name} ${index + 1}`, deviceId, false, deviceId === devices[kind].deviceId);
    });
    select.replaceChildren(...(options.length ? options : [new Option("None found", "")]));
    select.disabled = options.length === 0;
  }
}

function renderOwn() {
  const { camera, microphone } = devices;
  const name = $("#own-name").value.trim();
  const picture = camera.on ? camera.track : null;
  for (const button of $$("[data-toggle]")) renderToggle(button);
  showTrack($("#own-preview"), picture);
  $("#own-preview").hidden = !picture;
  $("[data-own-initial]").textContent = initialOf(name || "You");
  $("#own-state").textContent = picture ? "" : "Your camera is off";
  const sends = camera.track || microphone.track;
  $("#join-button").textContent = sends ? "Join the call" : "Join as a viewer";
  stage.setOwn({ name, track: picture, silent: !microphone.on });
}

function renderToggle(button) {
  const kind = button.dataset.toggle;
  const { on } = devices[kind];
  const words = TOGGLES[kind];
  const label = document.createElement("span");
  label.textContent = words.name;
  button.replaceChildren(icon(on ? words.icon : `${words.icon}-off`), label);
  button.setAttribute("aria-pressed", String(on));
  button.title = on ? words.on : words.off;
  button.disabled = !navigator.mediaDevices;
}

async function toggle(kind) {
  try {
    await devices.toggle(kind);
    if (!call) notice($("#device-notice"), null);
    await listDevices();
  } catch (error) {
    tell(problems.deviceProblem(error, kind));
  }
}

function renderLevel() {
  stopLevel();
  const { track, on } = devices.microphone;
  stopLevel = track && on && !call ? watchLevel(track, (level) => {
    $("#level").style.setProperty("--level", level.toFixed(2));
    $("#level").setAttribute("aria-valuenow", String(Math.round(level * 100)));
  }) : () => {};
}

/* ---- call ---- */

async function join() {
  const button = $("#join-button");
  button.disabled = true;
  button.textContent = "Joining …";
  const name = $("#own-name").value.trim();
  remember(name);
  call = new Call(stage, devices, { name, codec: wishes.codec });
  call.addEventListener("joined", ({ detail: peerId }) => {
    // the name comes a moment after its owner
    setTimeout(() => stage.nameOf(peerId) && toast(`${stage.nameOf(peerId)} is here`), 500);
  });
  call.addEventListener("left", ({ detail: who }) => who && toast(`${who} left`));
  call.addEventListener("screen-ended", renderScreenShare);
  call.addEventListener("trouble", ({ detail }) => showTrouble(detail));
  call.addEventListener("error", ({ detail: error }) => tell(problems.callProblem(error)));
  try {
    await call.join(room);
  } catch (error) {
    tell(problems.callProblem(error));
    call.leave();
    call = null;
    renderOwn();
    return;
  } finally {
    button.disabled = false;
  }
  startedAt = Date.now();
  $("#invite-url").value = addressOf(room);
  renderTimer();
  renderLevel();
  renderOwn();
  show("call");
  showTrouble(call.trouble);
  $("#leave").focus({ preventScroll: true });
}

function leave() {
  call.leave();
  call = null;
  notice($("#call-notice"), null);
  $("#hear").hidden = true;
  renderTimer();
  renderScreenShare();
  renderLevel();
  renderOwn();
  $("#left-note").textContent = `You left after ${$("#timer").textContent}. Come back to`;
  show("preview");
  $("#join-button").focus();
}

async function toggleScreen() {
  try {
    await (call.sharesScreen ? call.unshareScreen() : call.shareScreen());
  } catch (error) {
    if (error.name !== "NotAllowedError") tell(problems.screenProblem(error)); // that one is the person's own "Cancel"
  }
  renderScreenShare();
}

function renderScreenShare() {
  const shares = call?.sharesScreen ?? false;
  $("#share-screen").setAttribute("aria-pressed", String(shares));
  $("#share-screen span").textContent = shares ? "Stop sharing" : "Share screen";
}

async function showTrouble(trouble) {
  if (trouble === null) return notice(visibleNotice(), null);
  if (trouble === "server") return tell(problems.noServerProblem());
  const concerned = call;
  const port = await call.mediaPort();
  if (call === concerned) tell(problems.noMediaProblem(port));
}

function renderTimer() {
  clearTimeout(nextTick);
  if (!call) return;
  const seconds = Math.floor((Date.now() - startedAt) / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  $("#timer").textContent = hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  nextTick = setTimeout(renderTimer, 1000 - ((Date.now() - startedAt) % 1000));
}

/* ---- words to the person ---- */

function tell(problem) {
  notice(visibleNotice(), problem);
}

function visibleNotice() {
  return $("#call").hidden ? $("#device-notice") : $("#call-notice");
}

async function copyLink(button) {
  const text = button.querySelector("[data-copy-text]");
  try {
    await navigator.clipboard.writeText(addressOf(room));
    text.textContent = "Copied";
  } catch { // no clipboard without https
    $("#invite-url").select();
    text.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
  }
  setTimeout(() => { text.textContent = "Copy link"; }, 2000);
}

function remembered() {
  try {
    return localStorage.getItem("name") ?? "";
  } catch {
    return ""; // storage is blocked
  }
}

function remember(name) {
  try {
    localStorage.setItem("name", name);
  } catch {
    // storage is blocked: the name is asked for again next time
  }
}

/* ---- wiring ---- */

devices.addEventListener("change", ({ detail: kind }) => {
  renderOwn();
  if (kind === "microphone") renderLevel();
  call?.publish(kind).catch((error) => tell(problems.callProblem(error)));
});
stage.addEventListener("head-count", ({ detail: count }) => { $("#head-count").textContent = String(count); });
stage.addEventListener("silenced", () => { $("#hear").hidden = false; });
navigator.mediaDevices?.addEventListener("devicechange", listDevices);

for (const button of $$("[data-toggle]")) button.addEventListener("click", () => toggle(button.dataset.toggle));
for (const button of $$("[data-copy]")) button.addEventListener("click", () => copyLink(button));
for (const select of $$("[data-pick]")) {
  select.addEventListener("change", () => devices.choose(select.dataset.pick, select.value)
    .catch((error) => tell(problems.deviceProblem(error, select.dataset.pick))));
}
$("#own-name").addEventListener("input", renderOwn);
$("#join").addEventListener("submit", (event) => {
  event.preventDefault();
  join();
});
$("#leave").addEventListener("click", leave);
$("#share-screen").addEventListener("click", toggleScreen);
$("#hear").addEventListener("click", async () => {
  await stage.hear();
  $("#hear").hidden = true;
});
addEventListener("keydown", (event) => {
  if (!call || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  if (event.key === "Escape") stage.unpin();
  const selector = KEYS[event.key.toLowerCase()];
  if (selector) $(`.dock ${selector}`).click();
});
if (!navigator.mediaDevices?.getDisplayMedia) $("#share-screen").hidden = true;

if (room) showPreview();
else showHome();
