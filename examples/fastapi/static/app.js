/* Login, doors, call. The server decides about each of the three; the page shows what it says. */

const ROOMS = ["Lobby", "Workshop", "Board"];
const REFRESH_MS = 2000;
const $ = (selector) => document.querySelector(selector);

let user;
let peer;
let room = "";
const elements = new Map();   // track → its place on the page
const names = new Map();      // peer id → name, from the server

/* ---- login ---- */

$("#login-form").onsubmit = (event) => {
  event.preventDefault();
  logIn(Object.fromEntries(new FormData(event.target)));
};
for (const button of document.querySelectorAll("[data-login]")) {
  button.onclick = () => logIn(button.dataset);
}
$("#log-out").onclick = async () => {
  await fetch("/logout", { method: "POST" });
  location.reload();
};

async function logIn({ login, password }) {
  const answer = await fetch("/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ login, password }),
  });
  const said = await answer.json();
  if (answer.ok) enter(said);
  else notify("#login", said.detail);
}

function enter(me) {
  user = me;
  document.body.dataset.screen = "house";
  $("#who").textContent = user.speaks ? user.name : `${user.name}, who watches`;
  $("#rooms").replaceChildren(...ROOMS.map(makeDoor));
  peer = new SimplePeer(io());
  peer.onTrack = show;
  peer.on("trackRemoved", ({ track }) => hide(track));
  refresh();
  setInterval(refresh, REFRESH_MS);
}

/* ---- doors ---- */

function makeDoor(name) {
  const door = $("#door").content.cloneNode(true);
  door.querySelector("b").textContent = name;
  door.querySelector("button").dataset.room = name;
  door.querySelector("button").onclick = () => open(name).catch((error) => notify("#call", error.message, error.hint));
  return door;
}

async function open(name) {
  notify("#call", "");
  if (name === room) return;
  await peer.joinRoom(name);                      // the server asks its authorize()
  if (room) await peer.leaveRoom(room);
  const first = !room;
  room = name;
  document.body.classList.add("inside");
  await refresh();
  if (first && user.speaks) await publish();
}

async function publish() {
  const own = await SimplePeer.capture({ video: true, audio: true });
  const [camera] = own.getVideoTracks();
  show(camera, "");
  await peer.addTrack(camera, "camera", true);
  await peer.addTrack(own.getAudioTracks()[0], "microphone", true);
}

/** Who is where: a REST route that any other program with the cookie can read as well. */
async function refresh() {
  const rooms = await (await fetch("/rooms")).json();
  for (const button of document.querySelectorAll("#rooms button")) {
    const people = rooms[button.dataset.room];
    button.querySelector(".inside").textContent = people ? people.map(describe).join(", ") || "empty" : "locked";
    button.classList.toggle("locked", !people);
    button.toggleAttribute("aria-current", button.dataset.room === room);
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

function notify(where, message, hint) {
  const notice = $(`${where} .notice`);
  notice.hidden = !message;
  notice.textContent = hint ? `${message}: ${hint}.` : message;
}

/* ---- */

const known = await (await fetch("/me")).json();
if (known) enter(known);
else document.body.dataset.screen = "login";
