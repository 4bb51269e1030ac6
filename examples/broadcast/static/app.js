/** The hall: what the server says about the stage, and the few buttons. */
import { Speaker } from "./speaker.js";
import { Stage } from "./stage.js";

const ROOM = "stage";
const TOAST_MS = 4000;
const EMPTY = { host: null, audience: {}, speakers: [], hands: [] };
const ICONS = { microphone: ["i-mic", "i-mic-off"], camera: ["i-camera", "i-camera-off"] };
const ROLES = [
  { role: "hand", words: "raises a hand", deed: "Let speak" },
  { role: "host", words: "host" },
  { role: "speaker", words: "may speak", deed: "Ask off" },
  { role: "", words: "" },
];
const WAITING = {
  speaker: "Step onto it, and everybody sees and hears you.",
  viewer: "The broadcast begins when somebody steps onto it.",
};
const KEYS = { h: "hand", m: "microphone", v: "camera", p: "open-people" };

const $ = (id) => document.getElementById(id);
const wordsOf = (error) => [error.message || error.name, error.hint].filter(Boolean).join(": ");

const socket = io();
const peer = new SimplePeer(socket);
const stage = new Stage($("stage"), () => { $("hear").hidden = false; });
const speaker = new Speaker(peer, (track) => {
  if (track) stage.show(peer.peerId, "camera", track, { own: true });
  else stage.hide(peer.peerId, "camera");
});
let told = EMPTY; // by the server
let name = "";

// coming and going

$("enter").onsubmit = async (event) => {
  event.preventDefault();
  $("door-notice").hidden = true;
  try {
    await peer.joinRoom(ROOM);
    name = $("name").value;
    socket.emit("enter", name);
    show("hall");
  } catch (error) {
    $("door-notice").textContent = wordsOf(error);
    $("door-notice").hidden = false;
  }
};

function leave() {
  name = "";
  speaker.stepDown();
  stage.clear();
  told = EMPTY;
  peer.close();
  socket.disconnect();
  location.reload();
}

function show(screen) {
  document.body.dataset.screen = screen;
  $("door").hidden = screen !== "door";
  $("hall").hidden = screen !== "hall";
  showPeople(screen === "hall" && innerWidth > 860);
}

function showPeople(shown) {
  document.body.toggleAttribute("data-people", shown);
  press("open-people", shown);
}

// what the server decides

socket.on("stage", (now) => {
  const before = told;
  told = now;
  if (!name) return;
  if (maySpeak(peer.peerId, now) && !maySpeak(peer.peerId, before)) welcome(before);
  if (!maySpeak(peer.peerId, now) && maySpeak(peer.peerId, before)) {
    if (speaker.onStage) tell("The host has asked you off the stage");
    speaker.stepDown();
  }
  if (now.host === peer.peerId) {
    for (const peerId of now.hands) if (!before.hands.includes(peerId)) tell(`${now.audience[peerId]} raises a hand`);
  }
  draw();
});

function welcome({ host }) {
  if (told.host !== peer.peerId) tell("You may speak: step onto the stage");
  else if (host) tell("The host has left, and you are the host now");
}

function maySpeak(peerId, { host, speakers } = told) {
  return peerId === host || speakers.includes(peerId);
}

function draw() {
  const me = peer.peerId;
  const heads = Object.keys(told.audience).length;
  const raised = told.hands.includes(me);
  $("viewers").textContent = heads === 1 ? "Only you" : `${heads} people`;
  $("hand").hidden = maySpeak(me);
  press("hand", raised);
  $("hand").querySelector("span").textContent = raised ? "Lower hand" : "Raise hand";
  $("speak").hidden = !maySpeak(me);
  press("speak", speaker.onStage);
  $("speak").querySelector("span").textContent = speaker.onStage ? "Leave stage" : "Go on stage";
  for (const kind of Object.keys(ICONS)) {
    $(kind).hidden = !speaker.onStage;
    press(kind, speaker.sends(kind));
  }
  $("waving").hidden = told.hands.length === 0;
  $("waving").textContent = String(told.hands.length);
  $("waving").ariaLabel = `${told.hands.length} raised`;
  $("audience").replaceChildren(...sorted().map(row));
  stage.caption(captionOf);
  $("waiting").hidden = !stage.empty;
  $("waiting-text").textContent = WAITING[maySpeak(me) ? "speaker" : "viewer"];
  $("live").hidden = stage.empty;
}

function captionOf(peerId) {
  const called = told.audience[peerId] ?? "Somebody";
  if (peerId === peer.peerId) return `${called} (you)`;
  return peerId === told.host ? `${called} · host` : called;
}

function roleOf(peerId) {
  if (peerId === told.host) return "host";
  if (told.hands.includes(peerId)) return "hand";
  return told.speakers.includes(peerId) ? "speaker" : "";
}

/** Raised hands first, in the order in which they went up; the others in the order in which they came. */
function sorted() {
  const rank = (peerId) => ROLES.findIndex(({ role }) => role === roleOf(peerId)) * 1e6 + told.hands.indexOf(peerId);
  return Object.keys(told.audience).sort((one, other) => rank(one) - rank(other));
}

function row(peerId) {
  const { role, words, deed } = ROLES.find(({ role }) => role === roleOf(peerId));
  const item = document.createElement("li");
  const who = Object.assign(document.createElement("span"), { textContent: told.audience[peerId] });
  const note = Object.assign(document.createElement("small"), { textContent: words });
  item.append(who, note);
  item.dataset.role = role;
  if (peer.peerId !== told.host || !deed) return item;
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: deed });
  button.onclick = () => socket.emit("let_speak", peerId, role === "hand");
  item.append(button);
  return item;
}

// what comes

peer.on("track", ({ track, peerId, label }) => {
  stage.show(peerId, label, track);
  draw();
});
peer.on("trackRemoved", ({ peerId, label }) => {
  stage.hide(peerId, label);
  draw();
});
peer.on("trackMuted", ({ peerId }) => stage.setMuted(peerId, true));
peer.on("trackUnmuted", ({ peerId }) => stage.setMuted(peerId, false));
peer.on("trackEnded", ({ label }) => {
  speaker.lost(label);
  draw();
});
peer.on("connectionStateChange", ({ direction, state }) => {
  const broken = state === "disconnected" || state === "failed";
  if (direction === "signaling" && state === "connected" && name) socket.emit("enter", name); // the server may be a new one
  if (broken || state === "connected") complain(broken ? "The connection is interrupted. Trying again …" : "");
});
peer.on("error", ({ error }) => {
  if (error.code !== "not_allowed") complain(wordsOf(error)); // that one is the host's doing, and "stage" tells of it
});
peer.on("ended", ({ error }) => complain(wordsOf(error)));

function complain(text) {
  $("banner").textContent = text;
  $("banner").hidden = !text;
}

let toastTimer;
function tell(text) {
  clearTimeout(toastTimer);
  $("toast").textContent = text;
  toastTimer = setTimeout(() => { $("toast").textContent = ""; }, TOAST_MS);
}

// the buttons

function press(id, pressed) {
  $(id).setAttribute("aria-pressed", String(pressed));
  if (ICONS[id]) $(id).querySelector("use").setAttribute("href", `#${ICONS[id][pressed ? 0 : 1]}`);
}

function control(id, act) {
  $(id).onclick = async () => {
    $(id).disabled = true;
    try {
      await act();
    } catch (error) {
      complain(wordsOf(error));
    } finally {
      $(id).disabled = false;
      draw();
    }
  };
}

control("hand", () => socket.emit("raise_hand", !told.hands.includes(peer.peerId)));
control("microphone", () => speaker.toggle("microphone"));
control("camera", () => speaker.toggle("camera"));
control("speak", async () => {
  complain("");
  if (speaker.onStage) {
    speaker.stepDown();
    if (peer.peerId !== told.host) socket.emit("step_down");
    return;
  }
  await speaker.stepUp().catch((error) => {
    speaker.stepDown();
    throw error;
  });
});
control("leave", leave);
control("open-people", () => showPeople(!document.body.hasAttribute("data-people")));
control("hear", async () => {
  await stage.playAll();
  $("hear").hidden = true;
});

addEventListener("keydown", (event) => {
  if (!name || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
  if (event.key === "Escape" && innerWidth <= 860) return showPeople(false);
  const id = KEYS[event.key.toLowerCase()];
  if (id && !$(id).hidden) $(id).click();
});
