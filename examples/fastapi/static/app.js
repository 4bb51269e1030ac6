/* Login, doors, call. The server decides about each of the three; the page shows what it says. */

const ROOMS = ["Lobby", "Workshop", "Board"];
const REFRESH_MS = 2000;
const $ = (selector) => document.querySelector(selector);

let user;
let peer;
let room = "";
let asking = false;          // the person, for camera and microphone
const elements = new Map();   // track → its place on the page
const closed = new Set();     // ways to the server on which it does not answer
const names = new Map();      // peer id → name, from the server

/* ---- login ---- */

$("#login-form").onsubmit = (event) => {
  event.preventDefault();
  logIn(Object.fromEntries(new FormData(event.target)));
};
for (const button of document.querySelectorAll("[data-login]")) {
  button.onclick = () => logIn(button.dataset);
}
$("#log-out").onclick = () => fetch("/logout", { method: "POST" }).then(() => location.reload(), () => mark("rooms", true));

async function logIn({ login, password }) {
  try {
    const answer = await fetch("/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ login, password }),
    });
    const said = await answer.json();
    if (answer.ok) enter(said);
    else notify("#login", said.detail);
  } catch (error) {
    notify("#login", "The server does not answer", error.message);
  }
}

function enter(me) {
  user = me;
  document.body.dataset.screen = "house";
  $("#who").textContent = user.speaks ? user.name : `${user.name}, who watches`;
  $("#rooms").replaceChildren(...ROOMS.map(makeDoor));
  peer = new SimplePeer(io());
  peer.onTrack = show;
  peer.on("trackRemoved", ({ track }) => hide(track));
  peer.on("trackEnded", ({ track }) => hide(track));
  peer.on("error", ({ error }) => complain(error));
  peer.on("ended", ({ error }) => complain(error));
  peer.on("connectionStateChange", ({ direction, state }) => mark(direction, state === "disconnected" || state === "failed"));
  refresh();
  setInterval(refresh, REFRESH_MS);
}

/* ---- doors ---- */

function makeDoor(name) {
  const door = $("#door").content.cloneNode(true);
  door.querySelector("b").textContent = name;
  door.querySelector("button").dataset.room = name;
  door.querySelector("button").onclick = () => open(name).catch(complain);
  return door;
}

async function open(name) {
  notify("#call", "");
  if (name !== room) await move(name);
  if (user.speaks) await publish();
}

async function move(name) {
  await peer.joinRoom(name);                      // the server asks its authorize()
  if (room) await peer.leaveRoom(room);
  room = name;
  document.body.classList.add("inside");
  await refresh();
}

/** Once. What was refused is asked for again at the next click on a door. */
async function publish() {
  if (asking || peer.localTracks.length > 0) return;
  asking = true;
  try {
    const own = await SimplePeer.capture({ video: true, audio: true });
    await send(own.getVideoTracks()[0], own.getAudioTracks()[0]);
  } finally {
    asking = false;
  }
}

async function send(camera, microphone) {
  show(camera, "");
  try {
    await peer.addTrack(camera, "camera", true);
    await peer.addTrack(microphone, "microphone", true);
  } catch (error) {
    if (peer.localTracks.length > 0) throw error; // the picture is there
    for (const track of [camera, microphone]) track.stop();
    hide(camera);
    throw error;
  }
}

async function refresh() {
  try {
    const answer = await fetch("/rooms");
    if (answer.status === 401) location.reload();   // a server that has started again knows no cookie of before
    else showRooms(await answer.json());
    mark("rooms", false);
  } catch {
    mark("rooms", true);
  }
}

/** Who is where: a REST route that any other program with the cookie can read as well. */
function showRooms(rooms) {
  for (const button of document.querySelectorAll("#rooms button")) {
    const people = rooms[button.dataset.room];
    button.querySelector(".inside").textContent = people ? people.map(describe).join(", ") || "empty" : "locked";
    button.classList.toggle("locked", !people);
    button.setAttribute("aria-current", String(button.dataset.room === room));
  }
  for (const { peerId, name } of Object.values(rooms).flat()) names.set(peerId, name);
  for (const place of document.querySelectorAll("figure[data-peer-id]")) caption(place);
}

function describe({ name, sends }) {
  return sends.includes("camera") ? name : `${name} (watches)`;
}

/* ---- call ---- */

function show(track, peerId) {
  const media = document.createElement(track.kind);   // <video> or <audio>
  media.autoplay = media.playsInline = true;
  media.srcObject = new MediaStream([track]);
  const place = track.kind === "video" ? $("#tile").content.firstElementChild.cloneNode(true) : media;
  if (place !== media) place.prepend(media);
  place.dataset.peerId = peerId;
  if (place !== media) caption(place);
  elements.set(track, place);
  $("#people").append(place);
}

function hide(track) {
  elements.get(track)?.remove();
  elements.delete(track);
}

function caption(place) {
  const { peerId } = place.dataset;
  place.querySelector("figcaption").textContent = peerId ? names.get(peerId) ?? "" : "You";
}

function complain({ message, hint }) {
  notify("#call", message, hint);
}

function mark(way, isClosed) {
  if (isClosed) closed.add(way);
  else closed.delete(way);
  $("#away").hidden = closed.size === 0;
}

function notify(where, message, hint) {
  const notice = $(`${where} .notice`);
  notice.hidden = !message;
  notice.textContent = hint ? `${message}: ${hint}.` : message;
}

/* ---- */

const known = await (await fetch("/me")).json();
if (known) enter(known);
else document.body.dataset.screen = "login";
