/** A call as React wants it: something to subscribe to, and a snapshot that is another one exactly when it differs. */
import {
  type HoldReason,
  type LocalTrack,
  type RemoteTrack,
  type SimplePeer,
  SimplePeerError,
  type SimplePeerEvents,
  type SimplePeerOptions,
} from "simplesfu";
import { ObservedPeer } from "./observed-peer.js";
import { Rooms } from "./rooms.js";

/** What another peer sends here, and whether it flows. */
export interface PeerTrack extends Readonly<RemoteTrack> {
  /** Its publisher holds it. */
  readonly muted: boolean;
  /** The server holds it, and why; null: it does not. */
  readonly held: HoldReason | null;
}

export type CallState =
  /** There is no session yet. */
  | "connecting"
  | "connected"
  /** The socket is away. Media flows on, and what is asked for waits. */
  | "reconnecting"
  /** The server ended the session, or there can be none, unless the socket connects anew: `error` says why. */
  | "ended";

/** A call at one moment; another object whenever something about it is different. */
export interface Call {
  /** For all that one does. null until the component is mounted, and while there is no socket. */
  readonly peer: SimplePeer | null;
  readonly peerId: string | undefined;
  readonly state: CallState;
  /** What failed last without a promise to tell it; null again with the next session. */
  readonly error: SimplePeerError | null;
  /** Ids of the peers in sight. */
  readonly peers: readonly string[];
  /** What they send here. */
  readonly tracks: readonly PeerTrack[];
  /** What is sent from here. */
  readonly localTracks: readonly Readonly<LocalTrack>[];
}

export type Socket = ConstructorParameters<typeof SimplePeer>[0];

export const NO_CALL: Call = {
  peer: null,
  peerId: undefined,
  state: "connecting",
  error: null,
  peers: [],
  tracks: [],
  localTracks: [],
};

/** With these no session comes about, and none is tried before the socket has connected anew. */
const NO_SESSION = new Set<string>([
  "insecure_context",
  "webrtc_unsupported",
  "protocol_mismatch",
  "refused",
  "no_application_socket",
]);

const stores = new WeakMap<Socket, CallStore>();

/** The one of that socket, whoever asks: a connection has one SimplePeer. */
export function callStore(socket: Socket): CallStore {
  const store = stores.get(socket) ?? new CallStore(socket);
  stores.set(socket, store);
  return store;
}

export class CallStore {
  readonly #socket: Socket;
  readonly #listeners = new Set<() => void>();
  /** By name: those whose publisher, or the server, holds them. */
  readonly #muted = new Set<string>();
  readonly #held = new Map<string, HoldReason>();
  #peer: ObservedPeer | null = null;
  #rooms: Rooms | undefined;
  #closing: ReturnType<typeof setTimeout> | undefined;
  #call = NO_CALL;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  readonly getSnapshot = (): Call => this.#call;

  /** The first who subscribes makes the peer, with those options; when the last one is gone it is closed. */
  subscribe(listener: () => void, options: SimplePeerOptions): () => void {
    const own = () => listener(); // the same function may subscribe twice
    this.#listeners.add(own);
    clearTimeout(this.#closing);
    if (!this.#peer) this.#open(options);
    return () => {
      this.#listeners.delete(own);
      if (this.#listeners.size > 0) return;
      // Not at once: in StrictMode, and where a component moves, the next one comes in the same breath.
      this.#closing = setTimeout(() => this.#close());
    };
  }

  /** To be in that room, too. @returns what takes it back; undefined while there is no peer */
  wantRoom(roomId: string): (() => void) | undefined {
    return this.#rooms?.want(roomId);
  }

  #open(options: SimplePeerOptions): void {
    try {
      this.#peer = new ObservedPeer(this.#socket, options, () => this.#update());
    } catch (error) {
      this.#update({ state: "ended", error: asSimplePeerError(error) });
      return;
    }
    this.#observe(this.#peer);
    // No promise of the application's own tells of these.
    this.#rooms = new Rooms(this.#peer, (error) => this.#update({ error }));
    this.#update({ state: "connecting", error: null });
  }

  #close(): void {
    this.#peer?.close();
    this.#peer = null;
    this.#rooms = undefined;
    this.#muted.clear();
    this.#held.clear();
    this.#call = NO_CALL;
  }

  #observe(peer: SimplePeer): void {
    const update = () => this.#update();
    const follow = <Name extends keyof SimplePeerEvents>(
      name: Name,
      note: (payload: SimplePeerEvents[Name]) => Partial<Call> | undefined,
    ) => peer.on(name, (payload) => this.#update(note(payload)));

    for (const name of ["peerConnection", "peerDisconnection", "track", "metadataChanged", "trackEnded"] as const) {
      peer.on(name, update);
    }
    follow("trackRemoved", (track) => {
      this.#muted.delete(nameOf(track));
      this.#held.delete(nameOf(track));
      return undefined;
    });
    follow("trackMuted", (track) => void this.#muted.add(nameOf(track)));
    follow("trackUnmuted", (track) => void this.#muted.delete(nameOf(track)));
    follow("trackHeld", (track) => void this.#held.set(nameOf(track), track.reason));
    follow("trackReleased", (track) => void this.#held.delete(nameOf(track)));
    follow("connectionStateChange", ({ direction, state, reason }) => {
      if (direction !== "signaling") return undefined;
      if (state !== "connected") return { state: "reconnecting" };
      return reason === "new_session" ? { state: "connected", error: null } : { state: "connected" };
    });
    follow("error", ({ error }) => (NO_SESSION.has(error.code) ? { state: "ended", error } : { error }));
    follow("ended", ({ error }) => ({ state: "ended", error }));
  }

  #update(changes: Partial<Call> = {}): void {
    const peer = this.#peer;
    const before = this.#call;
    const call: Call = {
      ...before,
      peer,
      peerId: peer?.peerId,
      peers: kept(before.peers, peer?.peers ?? []),
      tracks: kept(before.tracks, peer?.tracks.map((remote) => this.#describe(remote)) ?? []),
      localTracks: kept(before.localTracks, peer?.localTracks ?? []),
      ...changes,
    };
    if (sameFields(before, call)) return;
    this.#call = call;
    for (const listener of [...this.#listeners]) listener();
  }

  #describe(remote: RemoteTrack): PeerTrack {
    const name = nameOf(remote);
    return { ...remote, muted: this.#muted.has(name), held: this.#held.get(name) ?? null };
  }
}

function nameOf({ peerId, label }: { peerId: string; label: string }): string {
  return JSON.stringify([peerId, label]);
}

/** As it is now, out of the objects that were there before where those say the same: components compare by identity. */
function kept<Item>(before: readonly Item[], now: readonly Item[]): readonly Item[] {
  const items = now.map((item) => before.find((old) => sameFields(old, item)) ?? item);
  return items.length === before.length && items.every((item, index) => item === before[index]) ? before : items;
}

function sameFields<Item>(one: Item, other: Item): boolean {
  if (typeof one !== "object" || one === null) return one === other;
  const keys = Object.keys(one) as (keyof Item)[];
  return keys.every((key) => one[key] === other[key]);
}

function asSimplePeerError(error: unknown): SimplePeerError {
  if (error instanceof SimplePeerError) return error;
  return new SimplePeerError("webrtc_error", error instanceof Error ? error.message : String(error), "", {
    cause: error,
  });
}
