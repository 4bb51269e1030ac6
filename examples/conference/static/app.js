/** The door, the controls, and the wiring of the parts. */
import { Chat } from "./chat.js";
import { Conference } from "./conference.js";
import { Grid } from "./grid.js";

const COLOURS = ["#6b66ee", "#0b9365", "#bd6a0a", "#dc3d83", "#0a86a8", "#9157e6", "#df4040", "#5a9016"];
const WORDS = [
  ["amber", "brisk", "calm", "clear", "gentle", "golden", "quiet", "silver", "sunny", "warm"],
  ["anchor", "bridge", "garden", "harbour", "island", "lantern", "meadow", "orchard", "river", "valley"],
];
const STATISTICS_MS = 1000;
const TOAST_MS = 4000;

const $ = (id) => document.getElementById(id);
const pick = (list) => list[Math.floor(Math.random() * list.length)];
const randomRoom = () => `${WORDS.map(pick).join("-")}-${Math.floor(Math.random() * 9000 + 1000)}`;
const wordsOf = (error) => [error.message || error.name, error.hint].filter(Boolean).join(": ");

let conference;
let statistics;
const grid = new Grid($("grid"), (waiting) => { $("hear").hidden = !waiting; });
const chat = new Chat($("messages"), $("unread"));

// the door

function readAddress() {
  $("room").value = decode(location.hash.slice(1)) || randomRoom();
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
$("another-room").onclick = () => {
  $("room").value = randomRoom();
  $("room").focus();
};
const preferred = pick(COLOURS);
COLOURS.forEach((colour, index) => {
  const choice = Object.assign(document.createElement("input"), {
    type: "radio", name: "colour", value: colour, checked: colour === preferred, ariaLabel: `Colour ${index + 1}`,
  });
  choice.style.setProperty("--colour", colour);
  $("colours").append(choice);
});

/** How others will see it. */
function showSample() {
  const { name, colour } = Object.fromEntries(new FormData($("enter")));
  $("sample-name").textContent = name || "You";
  $("sample-initial").textContent = [...name][0]?.toUpperCase() ?? "?";
  document.querySelector(".sample").style.setProperty("--colour", colour);
}
$("enter").oninput = showSample;
showSample();

$("enter").onsubmit = async (event) => {
  event.preventDefault();
  const { name, room, colour } = Object.fromEntries(new FormData(event.target));
  $("door-notice").hidden = true;
  try {
    await enter({ name, colour }, room);
  } catch (error) {
    leave(wordsOf(error));
  }
};

async function enter(self, room) {
  location.hash = encodeURIComponent(room);
  conference = new Conference(self, {
    personCame: (peerId, person, isNews) => {
      grid.addPerson(peerId, person);
      if (isNews) tell(`${person.name} is here`);
    },
    personLeft: (peerId, isNews) => {
      if (isNews) tell(`${grid.nameOf(peerId)} left`);
      grid.removePerson(peerId);
    },
    trackCame: (remote) => grid.addTrack(remote),
    trackWent: (remote) => grid.removeTrack(remote),
    ownCamera: (track) => grid.showOwn(track),
    muted: (peerId, label, muted) => grid.setMuted(peerId, label, muted),
    said: (message) => chat.add(message),
    trouble: showTrouble,
    ended: (error) => leave(error.message),
    sourceEnded: (kind) => press(kind, false),
    changed: countHeads,
  });
  $("room-name").textContent = room;
  show("call");
  setJoining(true);
  grid.addOwn(self);
  const problem = await conference.openDevices();
  await conference.join(room);
  press("microphone", conference.sends("microphone"));
  press("camera", conference.sends("camera"));
  if (problem) tell(problem);
  setJoining(false);
  $("microphone").focus({ preventScroll: true });
}

/** Until one is in the room, nothing can be switched or said. */
function setJoining(joining) {
  $("call").inert = joining;
  if (joining) $("head-count").textContent = "Joining …";
  else countHeads();
}

function leave(reason = "") {
  clearInterval(statistics);
  statistics = undefined;
  press("figures", false);
  press("screen", false);
  showChat(false);
  showTrouble("");
  conference?.leave();
  conference = undefined;
  grid.clear();
  chat.clear();
  setJoining(false);
  show("door");
  $("door-notice").textContent = reason;
  $("door-notice").hidden = !reason;
  $("name").focus();
}

function show(screen) {
  document.body.dataset.screen = screen;
  $("door").hidden = screen !== "door";
  $("call").hidden = screen !== "call";
}

function countHeads() {
  if ($("call").inert) return;
  const heads = grid.people;
  $("head-count").textContent = heads === 1 ? "Only you: send the link" : `${heads} people`;
}

function showTrouble(text) {
  $("banner").textContent = text;
  $("banner").hidden = !text;
}

/** News go to the chat, to a toast, and to a screen reader. */
let toastTimer;
function tell(text) {
  chat.note(text);
  clearTimeout(toastTimer);
  $("toast").textContent = text;
  toastTimer = setTimeout(() => { $("toast").textContent = ""; }, TOAST_MS);
}

// the controls

const ICONS = { microphone: ["i-mic", "i-mic-off"], camera: ["i-camera", "i-camera-off"] };

function press(id, pressed) {
  $(id).setAttribute("aria-pressed", String(pressed));
  if (ICONS[id]) $(id).querySelector("use").setAttribute("href", `#${ICONS[id][pressed ? 0 : 1]}`);
}

/** A button whose deed may fail, or take a while. */
function control(id, act) {
  $(id).onclick = async () => {
    $(id).disabled = true;
    try {
      const pressed = await act();
      if (pressed !== undefined) press(id, pressed);
    } catch (error) {
      if (id !== "screen" || error.name !== "NotAllowedError") tell(wordsOf(error)); // that one is the person's own "Cancel"
    } finally {
      $(id).disabled = false;
    }
  };
}

control("microphone", () => conference.toggle("microphone"));
control("camera", () => conference.toggle("camera"));
control("screen", () => conference.toggleScreen());
control("leave", () => leave());
control("hear", () => grid.playAll());
control("open-chat", () => showChat($("chat").hidden));
control("copy", async () => {
  try {
    await navigator.clipboard.writeText(location.href);
    tell("The link is copied");
  } catch { // no clipboard without https
    tell(`The link of this room is ${location.href}`);
  }
});
control("figures", () => {
  const shown = statistics === undefined;
  clearInterval(statistics);
  statistics = shown ? setInterval(showStatistics, STATISTICS_MS) : undefined;
  if (!shown) grid.showFigures(new Map());
  return shown;
});
if (!navigator.mediaDevices?.getDisplayMedia) $("screen").hidden = true;

async function showStatistics() {
  const figures = await conference?.figures();
  if (statistics !== undefined && figures) grid.showFigures(figures);
}

function showChat(shown) {
  const hadFocus = $("chat").contains(document.activeElement);
  $("chat").hidden = !shown;
  chat.shown = shown;
  press("open-chat", shown);
  if (shown) $("text").focus();
  else if (hadFocus) $("open-chat").focus();
}
$("close-chat").onclick = () => showChat(false);

$("say").onsubmit = async (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  try {
    await conference.say(text);
  } catch (error) {
    $("text").value = text;
    chat.note(wordsOf(error));
  }
};

const KEYS = { m: "microphone", v: "camera", s: "screen", c: "open-chat", i: "figures" };
addEventListener("keydown", (event) => {
  if (!conference || $("call").inert || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return showChat(false);
  if (event.target.matches("input")) return;
  const id = KEYS[event.key.toLowerCase()];
  if (!id) return;
  event.preventDefault();
  $(id).click();
});
