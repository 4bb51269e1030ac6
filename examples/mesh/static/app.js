/** The door, the controls, and the wiring of the parts. */
import { Board } from "./board.js";
import { Call } from "./call.js";
import { Figures } from "./figures.js";
import { Files } from "./files.js";
import { NetworkMap } from "./map.js";
import { Messages, PeopleList } from "./panel.js";
import { People } from "./people.js";
import { Shelf } from "./shelf.js";

const WORDS = [
  ["amber", "brisk", "calm", "clever", "gentle", "golden", "quiet", "silver", "sunny", "teal"],
  ["badger", "falcon", "heron", "marten", "otter", "robin", "salmon", "stork", "tern", "wren"],
];
const MEASURE_MS = 1000;

const $ = (id) => document.getElementById(id);
const pick = (list) => list[Math.floor(Math.random() * list.length)];
const words = () => WORDS.map(pick).join("-");
const wordsOf = (error) => [error.message || error.name, error.hint].filter(Boolean).join(": ");

let call;
let measuring;
const people = new People();
const map = new NetworkMap($("map"), people);
const list = new PeopleList(people, { list: $("people"), to: $("to"), count: $("head-count") });
const messages = new Messages($("messages"), $("unread"));
const shelf = new Shelf($("shelf"));
const figures = new Figures();
const board = new Board();
const files = new Files(() => call.peer, showTransfer);

// the door

function readAddress() {
  $("room").value = decode(location.hash.slice(1)) || words();
}
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % in the address is part of the name
  }
}
addEventListener("hashchange", readAddress);
readAddress();
$("name").value = words();

$("enter").onsubmit = async (event) => {
  event.preventDefault();
  const { name, room, topology } = Object.fromEntries(new FormData(event.target));
  $("door-notice").hidden = true;
  try {
    await enter({ name, topology }, room);
  } catch (error) {
    leave(wordsOf(error));
  }
};

async function enter(self, room) {
  location.hash = encodeURIComponent(room);
  call = new Call(self, people, {
    trackCame, trackWent, data: heard, carrierChanged, linkFailed, muted, trouble, ended: (error) => leave(error.message),
    sourceEnded: (label) => {
      press(label, false);
      if (label === "camera") showOwn();
    },
  });
  $("room-name").textContent = room;
  $("door").hidden = true;
  $("call").hidden = false;
  $("call").inert = true; // until one is in the room, nothing can be switched or said
  showPanel(matchMedia("(min-width: 1000px)").matches);
  chooseWay(self.topology);
  const problem = await call.openDevices();
  await call.join(room);
  $("call").inert = false;
  for (const label of ["camera", "microphone"]) press(label, Boolean(call.track(label)));
  showOwn();
  board.colour = people.get(call.id).colour;
  if (problem) messages.note(problem);
  measuring = setInterval(measure, MEASURE_MS);
  $("microphone").focus({ preventScroll: true });
}

function leave(reason = "") {
  clearInterval(measuring);
  call?.leave();
  call = undefined;
  board.close();
  shelf.clear();
  messages.clear();
  figures.clear();
  trouble("");
  for (const audio of document.querySelectorAll("audio")) audio.remove();
  for (const id of ["screen", "board"]) press(id, false);
  $("call").inert = false;
  $("call").hidden = true;
  $("door").hidden = false;
  $("door-notice").textContent = reason;
  $("door-notice").hidden = !reason;
  $("name").focus();
}

// what comes

function trackCame({ track, peerId, label, kind }) {
  const { colour } = people.get(peerId) ?? {};
  if (kind === "audio") {
    document.body.append(Object.assign(new Audio(), { id: `audio-${peerId}`, srcObject: new MediaStream([track]), autoplay: true }));
  } else if (label === "camera") map.show(peerId, track);
  else {
    const caption = `${people.nameOf(peerId)}’s ${label}`;
    shelf.video(`${peerId} ${label}`, `${label}-${peerId}`, track, { caption, colour });
  }
}

function trackWent(peerId, label, track) {
  if (track.kind === "audio") document.getElementById(`audio-${peerId}`)?.remove();
  else if (label === "camera") map.show(peerId, null);
  else shelf.take(`${peerId} ${label}`);
}

function muted(peerId, label, isMuted) {
  if (label === "camera") map.hide(peerId, isMuted);
}

function heard({ from, data, label }) {
  if (files.hear({ from, data, label })) return;
  if (label === "figures") figures.hear(from, data);
  else if (label === "text" || label === "whisper") {
    const { name = from, colour } = people.get(from) ?? {};
    messages.add({ name, colour, text: data, toOne: label === "whisper" ? "to you alone" : "" });
  }
}

const greeted = new Set();
people.addEventListener("changed", () => {
  const isMended = $("banner").dataset.about === "links" && ![...people].some(([, person]) => person.link === "failed");
  if (isMended) trouble("");
});
people.addEventListener("changed", ({ detail: { id, person } }) => {
  if (!person.name || greeted.has(id)) return;
  greeted.add(id);
  if (!person.early) messages.note(`${person.name} is here`);
});
people.addEventListener("left", ({ detail: { id, person } }) => {
  greeted.delete(id);
  figures.forget(id);
  files.left(id);
  for (const label of ["board", "screen"]) shelf.take(`${id} ${label}`);
  document.getElementById(`audio-${id}`)?.remove();
  if (!person.own && call) messages.note(`${person.name || id} has left`);
});

function carrierChanged(peerId, carrier, reason) {
  const why = { third_peer: "there are three now", two_peers: "you are two", unreachable: "no direct way was found" }[reason];
  const how = carrier === "mesh" ? "linked directly" : "reached by the server";
  if (why) messages.note(`${people.nameOf(peerId)} is ${how}: ${why}`);
}

function linkFailed(peerId) {
  const name = people.nameOf(peerId);
  messages.note(`No direct link with ${name}`);
  trouble(`No direct link with ${name}: nothing got through within 7 seconds.`, {
    text: "Use the server where needed", act: () => switchTo("auto"),
  });
  $("banner").dataset.about = "links";
}

// links and bytes

async function measure() {
  const { peer } = call;
  try {
    const own = await figures.measure(peer);
    if (peer !== call?.peer) return;
    map.draw(figures.picture(call.id, own, people));
    list.rates(own.links);
    await peer.send(JSON.stringify(own), { label: "figures", reliable: false });
  } catch (error) {
    if (!["closed", "disconnected", "timeout"].includes(error.code)) throw error; // it says so by itself
  }
}

// the controls

function trouble(text, deed) {
  const [said, button] = $("banner").children;
  said.textContent = text;
  button.hidden = !deed;
  button.textContent = deed?.text ?? "";
  button.onclick = deed?.act;
  $("banner").dataset.about = "";
  $("banner").hidden = !text;
}

function press(id, pressed) {
  $(id).setAttribute("aria-pressed", String(pressed));
  const icon = { microphone: "i-mic", camera: "i-camera" }[id];
  if (icon) $(id).querySelector("use").setAttribute("href", `#${icon}${pressed ? "" : "-off"}`);
}

const isPressed = (id) => $(id).getAttribute("aria-pressed") === "true";

/** A button whose deed may fail, or take so long that the call is another one by then, or none. */
function control(id, act) {
  $(id).onclick = async () => {
    const joined = call;
    $(id).disabled = true;
    try {
      await act(!isPressed(id), joined);
    } catch (error) {
      if (joined === call && error.name !== "NotAllowedError") messages.note(wordsOf(error));
    } finally {
      $(id).disabled = false;
    }
  };
}

for (const label of ["microphone", "camera"]) {
  control(label, async (on, joined) => {
    const isOpen = Boolean(joined.track(label));
    await (isOpen ? joined.mute(label, !on) : joined.reopen(label));
    press(label, on);
    if (!isOpen) showOwn();
  });
}

control("screen", async (on, joined) => {
  if (on) {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: true });
    await joined.add("screen", stream.getVideoTracks()[0]);
  } else await joined.remove("screen");
  press("screen", on);
});
if (!navigator.mediaDevices?.getDisplayMedia) $("screen").hidden = true;

control("board", async (on, joined) => {
  if (on) {
    shelf.put("own board", board.element, { caption: "Your board", colour: people.get(joined.id)?.colour, deed: { text: "Clear", act: () => board.clear() } });
    await joined.add("board", board.open());
    board.focus();
  } else {
    board.close();
    shelf.take("own board");
    await joined.remove("board");
  }
  press("board", on);
});

function showOwn() {
  map.show(call.id, call.track("camera") ?? null);
  map.hide(call.id, !isPressed("camera"));
}

function chooseWay(topology) {
  for (const way of document.querySelectorAll("[name=way]")) way.checked = way.value === topology;
}

async function switchTo(topology) {
  chooseWay(topology);
  $("ways").disabled = true;
  trouble("");
  try {
    await call.setTopology(topology);
  } catch (error) {
    trouble(error.message);
  } finally {
    $("ways").disabled = false;
  }
}
$("ways").onchange = ({ target }) => switchTo(target.value);

function showPanel(open) {
  document.body.classList.toggle("panel-open", open);
  press("open-panel", open);
  if (open) messages.read();
}
$("open-panel").onclick = () => showPanel(!isPressed("open-panel"));
$("close-panel").onclick = () => showPanel(false);
$("leave").onclick = () => leave();
$("copy").onclick = async () => {
  try {
    await navigator.clipboard.writeText(location.href);
    messages.note("The link is on the clipboard");
  } catch { // no clipboard without https
    messages.note(`The link of this room is ${location.href}`);
  }
};

$("say").onsubmit = async (event) => {
  event.preventDefault();
  const [text, to] = [$("text").value.trim(), $("to").value];
  if (!text) return;
  $("text").value = "";
  const { name = "You", colour } = people.get(call.id) ?? {};
  messages.add({ name, colour, text, toOne: to && `to ${people.nameOf(to)}` });
  try {
    await call.peer.send(text, to ? { to, label: "whisper" } : { label: "text" });
  } catch (error) {
    messages.note(`Not sent: ${error.message}`);
  }
};

$("attach").onclick = () => $("file").click();
$("file").onchange = () => {
  offer($("file").files);
  $("file").value = "";
};
$("call").ondragover = (event) => event.preventDefault();
$("call").ondrop = (event) => {
  event.preventDefault();
  offer(event.dataTransfer.files);
};

/** To whom "To" says: to everybody is to each. */
function offer(chosen) {
  const to = $("to").value ? [$("to").value] : [...people].filter(([, person]) => !person.own).map(([id]) => id);
  if (!to.length) messages.note("There is nobody to send it to");
  for (const file of chosen) for (const id of to) files.offer(file, id).catch((error) => messages.note(error.message));
}

function showTransfer(transfer) {
  const title = transfer.to ? `To ${people.nameOf(transfer.to)}` : `From ${people.nameOf(transfer.from)}`;
  messages.transfer(transfer, title, {
    accept: (one) => files.accept(one).catch((error) => messages.note(error.message)),
    cancel: (one) => files.cancel(one).catch(() => {}), // the other is gone, and so is the transfer
  });
}

addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, select, textarea, canvas");
  if (!call || $("call").inert || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const id = { m: "microphone", v: "camera", s: "screen", b: "board", c: "open-panel" }[event.key.toLowerCase()];
  if (id && !$(id).hidden) $(id).click();
});
