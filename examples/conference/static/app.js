/** The door, the controls, and the wiring of the parts. */
import { Chat } from "./chat.js";
import { Conference } from "./conference.js";
import { Grid } from "./grid.js";

const COLOURS = ["#4f46e5", "#0e9f6e", "#d97706", "#db2777", "#0891b2", "#7c3aed", "#dc2626", "#65a30d"];
const WORDS = [
  ["amber", "brisk", "calm", "clear", "gentle", "golden", "quiet", "silver", "sunny", "warm"],
  ["anchor", "bridge", "garden", "harbour", "island", "lantern", "meadow", "orchard", "river", "valley"],
];
const STATISTICS_MS = 1000;

const $ = (id) => document.getElementById(id);
const pick = (list) => list[Math.floor(Math.random() * list.length)];
const randomRoom = () => `${WORDS.map(pick).join("-")}-${Math.floor(Math.random() * 90 + 10)}`;

let conference;
let statistics;
const grid = new Grid($("grid"), (waiting) => { $("hear").hidden = !waiting; });
const chat = new Chat($("messages"), $("unread"));

// the door

$("room").value = decodeURIComponent(location.hash.slice(1)) || randomRoom();
$("another-room").onclick = () => { $("room").value = randomRoom(); };
const preferred = pick(COLOURS);
for (const colour of COLOURS) {
  const choice = Object.assign(document.createElement("input"), {
    type: "radio", name: "colour", value: colour, checked: colour === preferred, ariaLabel: `colour ${colour}`,
  });
  choice.style.setProperty("--colour", colour);
  $("colours").append(choice);
}

$("enter").onsubmit = async (event) => {
  event.preventDefault();
  const { name, room, colour } = Object.fromEntries(new FormData(event.target));
  $("door-notice").hidden = true;
  try {
    await enter({ name, colour }, room);
  } catch (error) {
    leave();
    $("door-notice").textContent = [error.message, error.hint].filter(Boolean).join(": ");
    $("door-notice").hidden = false;
  }
};

async function enter(self, room) {
  location.hash = encodeURIComponent(room);
  conference = new Conference(self, {
    personCame: (peerId, person) => grid.addPerson(peerId, person),
    personLeft: (peerId) => {
      chat.note(`${grid.nameOf(peerId)} left`);
      grid.removePerson(peerId);
    },
    trackCame: (remote) => grid.addTrack(remote),
    trackWent: (remote) => grid.removeTrack(remote),
    muted: (peerId, label, muted) => grid.setMuted(peerId, label, muted),
    said: (peerId, text) => chat.add(grid.personOf(peerId), text),
    trouble: showTrouble,
    ended: (error) => {
      leave();
      $("door-notice").textContent = error.message;
      $("door-notice").hidden = false;
    },
    screenEnded: () => press("screen", false),
    changed: countHeads,
  });
  const { problem } = await conference.openDevices();
  grid.addOwn(self, conference.preview);
  document.body.dataset.screen = "call";
  $("door").hidden = true;
  $("call").hidden = false;
  $("room-name").textContent = room;
  await conference.join(room);
  press("microphone", conference.sends("microphone"));
  press("camera", conference.sends("camera"));
  if (problem) chat.note(problem);
  countHeads();
}

function leave() {
  clearInterval(statistics);
  statistics = undefined;
  press("figures", false);
  conference?.leave();
  conference = undefined;
  grid.clear();
  chat.clear();
  document.body.dataset.screen = "door";
  $("door").hidden = false;
  $("call").hidden = true;
}

function countHeads() {
  const heads = grid.people;
  $("head-count").textContent = heads === 1 ? "only you: send the address to others" : `${heads} people`;
}

function showTrouble(text) {
  $("banner").textContent = text;
  $("banner").hidden = !text;
}

// the controls

function press(id, pressed) {
  $(id).setAttribute("aria-pressed", String(pressed));
}

/** A button whose deed may fail, or take a while. */
function control(id, act) {
  $(id).onclick = async () => {
    $(id).disabled = true;
    try {
      const pressed = await act();
      if (pressed !== undefined) press(id, pressed);
    } catch (error) {
      if (error.name !== "NotAllowedError") chat.note([error.message, error.hint].filter(Boolean).join(": "));
    } finally {
      $(id).disabled = false;
    }
  };
}

control("microphone", () => conference.toggle("microphone"));
control("camera", () => conference.toggle("camera"));
control("screen", () => conference.toggleScreen());
control("leave", leave);
control("hear", () => grid.playAll());
control("open-chat", () => {
  $("chat").hidden = !$("chat").hidden;
  chat.shown = !$("chat").hidden;
  if (chat.shown) $("text").focus();
  return chat.shown;
});
control("figures", () => {
  const shown = statistics === undefined;
  if (shown) statistics = setInterval(showStatistics, STATISTICS_MS);
  else statistics = clearInterval(statistics);
  if (!shown) grid.showFigures(new Map());
  return shown;
});

async function showStatistics() {
  const figures = await conference?.figures();
  if (statistics !== undefined && figures) grid.showFigures(figures);
}

$("say").onsubmit = async (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  try {
    await conference.say(text);
    chat.add(conference.self, text);
  } catch (error) {
    $("text").value = text;
    chat.note(error.message);
  }
};

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !$("chat").hidden) $("open-chat").click();
});
