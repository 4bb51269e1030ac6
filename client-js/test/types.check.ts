/** Never run: `tsc --noEmit` checks that right uses compile, and that wrong ones do not. */
import type { Socket } from "socket.io-client";
import { type RemoteTrack, SimplePeer, SimplePeerError, type SimplePeerStats, type Unsubscribe } from "../src/index.js";

declare const socket: Socket;
declare const typedSocket: Socket<{ chat: (text: string) => void }, { say: (text: string) => void }>;
declare const track: MediaStreamTrack;

export async function rightUses(): Promise<void> {
  new SimplePeer(typedSocket, { timeoutMs: 5_000, iceServers: [{ urls: "turn:turn.example.org" }] });
  const peer = new SimplePeer(socket);
  await peer.addTrack(track, "camera", true, { codec: "video/VP9", encodings: [{ rid: "a" }] });
  await peer.addTrack(track, "camera");
  await peer.addTrack(track, { label: "screen", angle: 90 }, false, { simulcast: true, contentHint: "text" });
  await peer.setMetadata("screen", { angle: 180 });
  await peer.connectToPeer("bob", "screen");
  await peer.setPreferredLayers("bob", { spatialLayer: 0 });
  await peer.setPreferredLayers("bob", "screen", { maxFrameRate: 5 });
  const { ok, code, link } = await peer.explain("bob", "screen");
  use<[boolean, string, "publisher" | "server" | "direct" | "viewer" | ""]>([ok, code, link]);
  peer.on("metadataChanged", ({ metadata }) => use<Record<string, unknown>>(metadata));
  peer.on("data", ({ from, data }) => use<[string, string | ArrayBuffer]>([from, data]));
  peer.onTrack = (remote, peerId, info) => [remote.kind, peerId.length, info.label.length, info.broadcast === true];
  peer.onTrack = () => {};
  peer.onTrack = null;
  const unsubscribe: Unsubscribe = peer.on("track", (remote) => use<RemoteTrack>(remote));
  unsubscribe();
  peer.once("trackRemoved", ({ label, reason }) => use<string>(label + reason));
  peer.on("connectionStateChange", ({ direction }) => use<"send" | "recv" | "signaling" | "mesh">(direction));
  peer.on("error", ({ error }) => use<SimplePeerError>(error));
  const { peerIds } = await peer.joinRoom("room");
  use<string[]>(peerIds);
  use<string | undefined>(peer.peerId);
  use<SimplePeerStats>(await peer.getStats());
  use<[string, string]>([new SimplePeerError("a", "b").code, new SimplePeerError("a", "b").hint]);
}

export async function wrongUses(peer: SimplePeer): Promise<void> {
  // @ts-expect-error there is no such event
  peer.on("tracks", () => undefined);
  // @ts-expect-error a payload has the fields of its event
  peer.on("peerConnection", ({ label }) => label);
  // @ts-expect-error a label is needed
  await peer.addTrack(track);
  // @ts-expect-error an object of the application's has a label
  await peer.addTrack(track, { angle: 90 });
  // @ts-expect-error the browser knows no such hint
  await peer.addTrack(track, "camera", false, { contentHint: "sharp" });
  // @ts-expect-error layers are an object
  await peer.setPreferredLayers("bob", 0);
  // @ts-expect-error the third argument is a boolean
  await peer.addTrack(track, "camera", { codec: "video/VP9" });
  // @ts-expect-error a socket is needed
  new SimplePeer();
  // @ts-expect-error ids are read only
  peer.peerId = "other";
  // @ts-expect-error private state is private
  peer.keeper;
}

function use<Type>(_value: Type): void {}
