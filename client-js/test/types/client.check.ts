/**
 * Never run: the compiler checks that right uses compile, and that wrong ones do not. It is compiled with the sources by
 * `npm run check`, and against the packed package, as applications have it, by tests/packaging/test_npm.py.
 *
 * Each member of SimplePeer and each event has its place here: one that is missing is an error, too.
 */
import {
  type Carrier,
  type ConnectionReason,
  type ErrorCode,
  type Explanation,
  type ExplanationCode,
  type HoldReason,
  type Listener,
  type LocalTrack,
  type Metadata,
  type NetworkReport,
  type OnTrack,
  type RemoteTrack,
  type RemovalReason,
  SimplePeer,
  SimplePeerError,
  type SimplePeerEvents,
  type SimplePeerStats,
  type Topology,
  type Unsubscribe,
} from "simplesfu";
import type { Socket } from "socket.io-client";
import { exactly } from "./exactly.js";

declare const socket: Socket;
declare const typedSocket: Socket<{ chat: (text: string) => void }, { say: (text: string) => void }>;
declare const track: MediaStreamTrack;

type Uses<Member extends PropertyKey> = { [Name in Member]: (peer: SimplePeer) => unknown };

export const rightUses: Uses<keyof SimplePeer> = {
  peerId: (peer) => exactly<string | undefined>()(peer.peerId),
  peers: (peer) => exactly<string[]>()(peer.peers),
  topology: (peer) => exactly<Topology | undefined>()(peer.topology),
  setTopology: (peer) => exactly<Promise<Topology>>()(peer.setTopology("auto")),
  carriers: (peer) => exactly<Map<string, Carrier>>()(peer.carriers),
  tracks: (peer) => exactly<RemoteTrack[]>()(peer.tracks),
  localTracks: (peer) => exactly<LocalTrack[]>()(peer.localTracks),
  bufferedAmount: (peer) => exactly<number>()(peer.bufferedAmount),
  onTrack: (peer) => {
    exactly<OnTrack | null>()(peer.onTrack);
    peer.onTrack = (remote, peerId, info) => {
      exactly<MediaStreamTrack>()(remote);
      exactly<string>()(peerId);
      exactly<{ label: string; peerId: string; broadcast: boolean; metadata: Metadata }>()(info);
    };
    peer.onTrack = () => {};
    peer.onTrack = null;
  },
  on: (peer) => {
    const unsubscribe = peer.on("track", (remote) => exactly<RemoteTrack>()(remote));
    exactly<Unsubscribe>()(unsubscribe);
  },
  once: (peer) => {
    const unsubscribe = peer.once("data", async ({ from }) => exactly<string>()(from));
    exactly<Unsubscribe>()(unsubscribe);
  },
  off: (peer) => exactly<void>()(peer.off("error", console.error)),
  addTrack: async (peer) => {
    exactly<Promise<void>>()(peer.addTrack(track, "camera"));
    await peer.addTrack(track, "camera", true, { codec: "video/VP9", encodings: [{ rid: "a" }] });
    await peer.addTrack(track, "voice", true, { muted: true });
    await peer.addTrack(track, { label: "screen", angle: 90 }, false, { simulcast: true, contentHint: "text" });
  },
  setMetadata: (peer) => exactly<Promise<void>>()(peer.setMetadata("screen", { angle: 180 })),
  removeTrack: (peer) => exactly<Promise<void>>()(peer.removeTrack("camera")),
  muteTrack: (peer) => exactly<Promise<void>>()(peer.muteTrack("camera")),
  unmuteTrack: (peer) => exactly<Promise<void>>()(peer.unmuteTrack("camera")),
  connectToPeer: async (peer) => {
    exactly<Promise<void>>()(peer.connectToPeer("bob"));
    await peer.connectToPeer("bob", "screen");
  },
  disconnectFromPeer: (peer) => exactly<Promise<void>>()(peer.disconnectFromPeer("bob", "screen")),
  pausePeer: (peer) => exactly<Promise<void>>()(peer.pausePeer("bob")),
  resumePeer: (peer) => exactly<Promise<void>>()(peer.resumePeer("bob", "screen")),
  setPreferredLayers: async (peer) => {
    exactly<Promise<void>>()(peer.setPreferredLayers("bob", { spatialLayer: 0 }));
    await peer.setPreferredLayers("bob", "screen", { maxFrameRate: 5, temporalLayer: 1 });
    await peer.setPreferredLayers("bob", undefined, {});
  },
  explain: async (peer) => {
    const explanation = await peer.explain("bob", "screen");
    exactly<Explanation>()(explanation);
    exactly<boolean>()(explanation.ok);
    exactly<"publisher" | "server" | "direct" | "viewer" | "">()(explanation.link);
  },
  joinRoom: (peer) => exactly<Promise<{ peerIds: string[] }>>()(peer.joinRoom("blue")),
  leaveRoom: (peer) => exactly<Promise<void>>()(peer.leaveRoom("blue")),
  send: async (peer) => {
    exactly<Promise<void>>()(peer.send("hello"));
    await peer.send(new Uint8Array(3), { to: "bob", label: "file", reliable: false });
    await peer.send(new ArrayBuffer(3));
  },
  restartIce: (peer) => exactly<Promise<void>>()(peer.restartIce()),
  getStats: async (peer) => {
    const stats = await peer.getStats();
    exactly<SimplePeerStats>()(stats);
    exactly<RTCStatsReport | undefined>()(stats.send);
  },
  close: (peer) => exactly<void>()(peer.close()),
};

export const wrongUses: Uses<Exclude<keyof SimplePeer, "off" | "restartIce" | "getStats" | "close">> = {
  // @ts-expect-error ids are read only
  peerId: (peer) => (peer.peerId = "other"),
  // @ts-expect-error so are these
  peers: (peer) => (peer.peers = []),
  // @ts-expect-error what is granted is not asked for here
  topology: (peer) => (peer.topology = "mesh"),
  // @ts-expect-error there is no such topology
  setTopology: (peer) => peer.setTopology("mcu"),
  // @ts-expect-error the server decides
  carriers: (peer) => (peer.carriers = new Map()),
  // @ts-expect-error they come from others
  tracks: (peer) => (peer.tracks = []),
  // @ts-expect-error addTrack() adds one
  localTracks: (peer) => (peer.localTracks = []),
  // @ts-expect-error a counter is read
  bufferedAmount: (peer) => (peer.bufferedAmount = 0),
  // @ts-expect-error null takes it off
  onTrack: (peer) => (peer.onTrack = undefined),
  on: (peer) => {
    // @ts-expect-error there is no such event
    peer.on("tracks", () => undefined);
    // @ts-expect-error a payload has the fields of its event
    peer.on("peerConnection", ({ label }) => label);
    // @ts-expect-error a listener is needed
    peer.on("track");
  },
  // @ts-expect-error a listener is a function
  once: (peer) => peer.once("track", "listener"),
  addTrack: async (peer) => {
    // @ts-expect-error a label is needed
    await peer.addTrack(track);
    // @ts-expect-error an object of the application's has a label
    await peer.addTrack(track, { angle: 90 });
    // @ts-expect-error a stream is not a track
    await peer.addTrack(new MediaStream(), "camera");
    // @ts-expect-error the browser knows no such hint
    await peer.addTrack(track, "camera", false, { contentHint: "sharp" });
    // @ts-expect-error the third argument is a boolean
    await peer.addTrack(track, "camera", { codec: "video/VP9" });
  },
  // @ts-expect-error metadata is an object
  setMetadata: (peer) => peer.setMetadata("camera", "angle"),
  // @ts-expect-error it goes by its label
  removeTrack: (peer) => peer.removeTrack(track),
  // @ts-expect-error which one?
  muteTrack: (peer) => peer.muteTrack(),
  // @ts-expect-error which one?
  unmuteTrack: (peer) => peer.unmuteTrack(),
  // @ts-expect-error a label is a string
  connectToPeer: (peer) => peer.connectToPeer("bob", ["screen"]),
  // @ts-expect-error from whom?
  disconnectFromPeer: (peer) => peer.disconnectFromPeer(),
  // @ts-expect-error whom?
  pausePeer: (peer) => peer.pausePeer(undefined),
  // @ts-expect-error whom?
  resumePeer: (peer) => peer.resumePeer(),
  setPreferredLayers: async (peer) => {
    // @ts-expect-error layers are an object
    await peer.setPreferredLayers("bob", 0);
    // @ts-expect-error there is no such limit
    await peer.setPreferredLayers("bob", { height: 180 });
  },
  // @ts-expect-error of one track
  explain: (peer) => peer.explain("bob"),
  // @ts-expect-error rooms have names
  joinRoom: (peer) => peer.joinRoom(7),
  // @ts-expect-error which one?
  leaveRoom: (peer) => peer.leaveRoom(),
  // @ts-expect-error text or bytes
  send: (peer) => peer.send({ hello: "world" }),
};

export const payloads: { [Name in keyof SimplePeerEvents]: Listener<SimplePeerEvents[Name]> } = {
  track: ({ track, kind, metadata }) => {
    exactly<MediaStreamTrack>()(track);
    exactly<"audio" | "video">()(kind);
    exactly<Record<string, unknown>>()(metadata);
  },
  trackRemoved: ({ reason }) => exactly<RemovalReason>()(reason),
  peerConnection: (payload) => exactly<{ peerId: string }>()(payload),
  peerDisconnection: (payload) => exactly<{ peerId: string; reason: string }>()(payload),
  trackMuted: (payload) => exactly<{ peerId: string; label: string }>()(payload),
  trackUnmuted: (payload) => exactly<{ peerId: string; label: string }>()(payload),
  trackHeld: ({ reason }) => exactly<HoldReason>()(reason),
  trackReleased: (payload) => exactly<{ peerId: string; label: string }>()(payload),
  metadataChanged: ({ metadata }) => exactly<Metadata>()(metadata),
  trackEnded: ({ label, track }) => {
    exactly<string>()(label);
    exactly<MediaStreamTrack>()(track);
  },
  data: ({ data, label }) => {
    if (typeof data === "string") exactly<string>()(data);
    else exactly<ArrayBuffer>()(data);
    exactly<string>()(label);
  },
  roomJoined: ({ peerIds }) => exactly<string[]>()(peerIds),
  roomLeft: ({ reason }) => exactly<string>()(reason),
  ended: ({ error }) => exactly<SimplePeerError>()(error),
  connectionStateChange: ({ direction, state, reason, peerId }) => {
    exactly<"send" | "recv" | "signaling" | "mesh">()(direction);
    exactly<"new" | "connecting" | "connected" | "disconnected" | "failed" | "closed">()(state);
    exactly<ConnectionReason>()(reason);
    exactly<string | undefined>()(peerId);
  },
  carrierChange: ({ carrier }) => exactly<"mesh" | "sfu">()(carrier),
  error: ({ error }) => exactly<SimplePeerError>()(error),
};

export async function constructing(): Promise<void> {
  new SimplePeer(typedSocket, { timeoutMs: 5_000, iceServers: [{ urls: "turn:turn.example.org" }], topology: "auto" });
  exactly<NetworkReport>()(await SimplePeer.checkNetwork(socket));
  // @ts-expect-error a socket is needed
  new SimplePeer();
  // @ts-expect-error of socket.io, not of the browser
  new SimplePeer(new WebSocket("wss://example.org"));
  // @ts-expect-error there is no such option
  new SimplePeer(socket, { timeout: 5 });
  // @ts-expect-error there are three
  new SimplePeer(socket, { topology: "mcu" });
  // @ts-expect-error private state is private
  new SimplePeer(socket).keeper;
}

export function codesOf(error: unknown): void {
  if (!(error instanceof SimplePeerError)) return;
  exactly<ErrorCode | ExplanationCode | (string & {})>()(error.code);
  exactly<string>()(error.hint);
  exactly<unknown>()(error.cause);
  if (error.code === "room_full") return; // completed by editors, and a code of the application's own is one as well
  if (error.code === "my_own_code") return;
  const { code } = error;
  if (isOurs(code)) {
    exactly<ErrorCode>()(code);
    // @ts-expect-error there is no such code of ours
    if (code === "room_fulll") return;
    if (code === "room_full") exactly<"room_full">()(code);
  }
  // @ts-expect-error it is read only
  error.code = "other";
  // @ts-expect-error a code and a message
  new SimplePeerError("other");
}

declare function isOurs(code: string): code is ErrorCode;
