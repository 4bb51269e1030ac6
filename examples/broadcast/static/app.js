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
  if (speaker.onStage && !maySpeak(peer.peerId, now)) {
    const asked = maySpeak(peer.peerId, before);
    tell(asked ? "The host has asked you off the stage" : "The connection was lost, and your place on the stage with it");
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
  drawAudience();
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

const rows = new Map(); // peer id → its row, which stays the same one: on its button there may be the focus

function drawAudience() {
  const ids = sorted();
  for (const peerId of [...rows.keys()]) if (!ids.includes(peerId)) rows.delete(peerId);
  const items = ids.map(row);
  const shown = [...$("audience").children];
  if (items.length === shown.length && items.every((item, index) => item === shown[index])) return;
  const focused = document.activeElement;
  $("audience").replaceChildren(...items);
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
}

function row(peerId) {
  const { role, words, deed } = ROLES.find(({ role }) => role === roleOf(peerId));
  const item = rows.get(peerId) ?? document.createElement("li");
  rows.set(peerId, item);
  item.dataset.role = role;
  if (!item.firstChild) item.append(document.createElement("span"), document.createElement("small"));
  const [who, note, present] = item.children;
  who.textContent = told.audience[peerId];
  note.textContent = words;
  if (peer.peerId !== told.host || !deed) {
    present?.remove();
    return item;
  }
  const button = present ?? item.appendChild(Object.assign(document.createElement("button"), { type: "button" }));
  button.textContent = deed;
  button.onclick = () => socket.emit("let_speak", peerId, role === "hand");
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
peer.on("connectionStateChange", ({ direction, state, reason }) => {
  const broken = state === "disconnected" || state === "failed";
  if (direction === "signaling" && state === "connected" && name) {
    if (reason === "new_session") startAnew();
    socket.emit("enter", name); // the server may be a new one
  }
  if (broken || state === "connected") complain(broken ? "The connection is interrupted. Trying again …" : "");
});
peer.on("error", ({ error }) => {
  if (!["not_allowed", "not_on_stage"].includes(error.code)) complain(wordsOf(error)); // of those "stage" tells
});
peer.on("ended", ({ error }) => complain(wordsOf(error)));

/** The server knows nothing of before, and the own id is another one. */
function startAnew() {
  told = EMPTY;
  stage.clear();
  speaker.showAgain();
}

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
