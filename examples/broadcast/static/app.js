/** The hall: what the server says about the stage, who is seen on it, and the few buttons. */
const ROOM = "stage";
const $ = (id) => document.getElementById(id);

const socket = io();
const peer = new SimplePeer(socket);
let stage = { host: null, audience: {}, speakers: [], hands: [] };
let own = null; // the own camera and microphone, while on the stage
let name = "";

$("door").onsubmit = async (event) => {
  event.preventDefault();
  name = $("name").value;
  try {
    await peer.joinRoom(ROOM);
    socket.emit("enter", name);
    document.body.dataset.screen = "hall";
    $("door").hidden = true;
    $("hall").hidden = false;
  } catch (error) {
    $("door-notice").textContent = [error.message, error.hint].filter(Boolean).join(": ");
    $("door-notice").hidden = false;
  }
};

// what the server decides

socket.on("stage", (told) => {
  stage = told;
  if (own && !maySpeak(peer.peerId)) leaveStage();
  draw();
});
socket.on("connect", () => { if (name) socket.emit("enter", name); });

function maySpeak(peerId) {
  return peerId === stage.host || stage.speakers.includes(peerId);
}

function draw() {
  const me = peer.peerId;
  const heads = Object.keys(stage.audience).length;
  $("viewers").textContent = `${heads} here`;
  $("speak").hidden = !maySpeak(me);
  $("hand").hidden = maySpeak(me);
  $("hand").setAttribute("aria-pressed", String(stage.hands.includes(me)));
  $("hand").textContent = stage.hands.includes(me) ? "Lower hand" : "Raise hand";
  const isHost = me === stage.host;
  $("hands").hidden = !isHost || stage.hands.length + stage.speakers.length === 0;
  $("hands").querySelector("ul").replaceChildren(
    ...stage.hands.map((peerId) => row(peerId, "Let speak", true)),
    ...stage.speakers.map((peerId) => row(peerId, "Ask off", false)),
  );
  for (const figure of $("stage").children) caption(figure);
  const empty = $("stage").childElementCount === 0;
  $("waiting").hidden = !empty;
  $("live").hidden = empty;
}

function row(peerId, text, allowed) {
  const item = document.createElement("li");
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  button.onclick = () => socket.emit("let_speak", peerId, allowed);
  item.append(stage.audience[peerId] ?? "Somebody", button);
  return item;
}

// the stage

function figureOf(peerId) {
  let figure = [...$("stage").children].find(({ dataset }) => dataset.peerId === peerId);
  if (!figure) {
    figure = document.createElement("figure");
    figure.dataset.peerId = peerId;
    figure.innerHTML = "<figcaption></figcaption>";
    $("stage").append(figure);
  }
  return figure;
}

function caption(figure) {
  const { peerId } = figure.dataset;
  const suffix = peerId === peer.peerId ? " (you)" : peerId === stage.host ? " · host" : "";
  figure.querySelector("figcaption").textContent = (stage.audience[peerId] ?? "Somebody") + suffix;
}

function show(peerId, label, track, muted = false) {
  const media = Object.assign(document.createElement(track.kind), {
    autoplay: true, playsInline: true, muted, srcObject: new MediaStream([track]),
  });
  Object.assign(media.dataset, { peerId, label });
  figureOf(peerId).prepend(media);
  media.play().catch(() => { $("hear").hidden = false; });
  draw();
}

function hide(peerId, label) {
  const figure = figureOf(peerId);
  figure.querySelector(`[data-label="${label}"]`)?.remove();
  if (!figure.querySelector("video, audio")) figure.remove();
  draw();
}

peer.on("track", ({ track, peerId, label }) => show(peerId, label, track));
peer.on("trackRemoved", ({ peerId, label }) => hide(peerId, label));
peer.on("connectionStateChange", ({ state }) => {
  const broken = state === "disconnected" || state === "failed";
  if (!broken && state !== "connected") return;
  $("banner").hidden = !broken;
  $("banner").textContent = "The connection is interrupted. Trying again …";
});

async function enterStage() {
  own = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } }, audio: true });
  for (const track of own.getTracks()) {
    const label = track.kind === "video" ? "camera" : "microphone";
    if (track.kind === "video") show(peer.peerId, label, track, true);
    await peer.addTrack(track, label, true);
  }
}

/** On one's own wish, or since the server has closed what was published. */
function leaveStage() {
  for (const track of own?.getTracks() ?? []) {
    track.stop();
    peer.removeTrack(track.kind === "video" ? "camera" : "microphone").catch(() => undefined);
  }
  own = null;
  hide(peer.peerId, "camera");
  $("speak").setAttribute("aria-pressed", "false");
  $("speak").textContent = "Step onto the stage";
}

$("speak").onclick = async () => {
  if (own) return leaveStage();
  $("speak").disabled = true;
  try {
    await enterStage();
    $("speak").setAttribute("aria-pressed", "true");
    $("speak").textContent = "Leave the stage";
  } catch (error) {
    leaveStage();
    $("banner").textContent = [error.message, error.hint].filter(Boolean).join(": ");
    $("banner").hidden = false;
  } finally {
    $("speak").disabled = false;
  }
};
$("hand").onclick = () => socket.emit("raise_hand", !stage.hands.includes(peer.peerId));
$("hear").onclick = async () => {
  await Promise.all([...document.querySelectorAll("#stage video, #stage audio")].map((media) => media.play()));
  $("hear").hidden = true;
};
