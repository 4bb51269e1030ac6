// The same caller for each way of getting the package: one picture sent, and the numbers seen of others.
import {paintedTrack, readNumber} from "../../support/page/picture.js";

export function makeHarness(SimplePeer, io, {number}) {
  const seen = new Map(); // peer id → video
  const violations = [];
  document.addEventListener("securitypolicyviolation", ({blockedURI, effectiveDirective}) =>
    violations.push(`${effectiveDirective} ${blockedURI}`));
  const peer = new SimplePeer(io());
  peer.on("track", ({track, peerId}) => {
    const video = Object.assign(document.createElement("video"), {muted: true, autoplay: true});
    video.srcObject = new MediaStream([track]);
    document.body.append(video);
    seen.set(peerId, video);
  });
  const begun = peer.joinRoom("blue").then(() =>
    peer.addTrack(paintedTrack({number, name: "npm", width: 128, height: 96, fps: 15}).track, "camera", true));
  return {
    begun: () => begun.then(() => undefined),
    numbers: () => [...seen.values()].map(readNumber).sort(),
    violations: () => violations,
    close: () => peer.close(),
  };
}
