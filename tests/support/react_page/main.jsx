// A page of React components, as tests want it: they say what it is given, and read what it shows.
import {StrictMode} from "react";
import {createRoot} from "react-dom/client";
import {PeerAudio, PeerVideo, useLocalTrack, useSimplePeer} from "simplesfu/react";
import {io} from "socket.io-client";
import {paintedTrack, readNumber} from "../page/picture.js";
import {listenTo, toneTrack} from "../page/sound.js";

const socket = io();
const root = createRoot(document.body.appendChild(document.createElement("main")));
const shown = new Map(); // peer id → the numbers that its element has shown, each once in a row; null: none
let call;

function Caller({picture, sound, simulcast = false, muted = false, video = {}}) {
  call = useSimplePeer(socket, {room: "blue"});
  useLocalTrack(call, picture, "camera", {simulcast});
  useLocalTrack(call, sound, "voice", {muted});
  return call.peers.map((peerId) => <Peer key={peerId} call={call} peerId={peerId} {...video} />);
}

function Peer({call, peerId, ...video}) {
  return (
    <figure data-peer={peerId}>
      <PeerVideo ref={(element) => watch(element, peerId)} call={call} peerId={peerId} width="128" {...video} />
      <PeerAudio call={call} peerId={peerId} label="voice" muted />
    </figure>
  );
}

function watch(video, peerId) {
  if (!video || shown.get(peerId)?.video === video) return;
  const numbers = [];
  shown.set(peerId, {video, numbers});
  const onFrame = () => {
    const number = readNumber(video);
    if (numbers.at(-1) !== number) numbers.push(number);
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
}

let props = {};

window.harness = {
  render(changes) {
    props = {...props, ...changes};
    root.render(<StrictMode>{props.away ? null : <Caller {...props} />}</StrictMode>);
  },
  paint: ({number, ...options}) => harness.render({picture: paintedTrack({number, name: "React", ...options}).track}),
  hum: ({hertz}) => harness.render({sound: toneTrack({hertz}).track}),
  state: () => ({peerId: call?.peerId, state: call?.state, peers: call?.peers, error: call?.error?.code ?? null,
    tracks: call?.tracks.map(({label}) => label), localTracks: call?.localTracks.map(({label}) => label)}),
  elements: () => document.querySelectorAll("main video").length,
  numbers: ({peerId}) => shown.get(peerId)?.numbers ?? [],
  playback: ({peerId}) => {
    const {muted, paused, srcObject, style} = shown.get(peerId).video;
    return {muted, paused, tracks: srcObject?.getTracks().map(({kind}) => kind).sort() ?? [], style: style.cssText};
  },
  async hear({peerId}) {
    const heard = listenTo(call.tracks.find((track) => track.peerId === peerId && track.kind === "audio").track);
    await new Promise((resolve) => setTimeout(resolve, 500)); // a window of the analyser, filled
    const read = heard.read();
    heard.stop();
    return read;
  },
};
harness.render({});
