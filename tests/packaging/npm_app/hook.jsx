import {createRoot} from "react-dom/client";
import {PeerVideo, useLocalTrack, useSimplePeer} from "simplesfu/react";
import {io} from "socket.io-client";
import {paintedTrack, readNumber} from "../../support/page/picture.js";

const socket = io();
let call;

function Caller({picture}) {
  call = useSimplePeer(socket, {room: "blue"});
  useLocalTrack(call, picture, "camera");
  return call.peers.map((peerId) => <PeerVideo key={peerId} call={call} peerId={peerId} muted />);
}

window.begin = ({number}) => {
  const {track} = paintedTrack({number, name: "npm", width: 128, height: 96, fps: 15});
  const root = createRoot(document.body.appendChild(document.createElement("main")));
  root.render(<Caller picture={track} />);
  window.harness = {
    begun: () => undefined,
    numbers: () => [...document.querySelectorAll("main video")].map(readNumber).sort(),
    violations: () => [],
    close: () => root.unmount(),
  };
};
