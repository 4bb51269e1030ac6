/** A typed event emitter, and the events that an application can hear. */
import type { TrackEndReason } from "./devices-end.js";
import type { SimplePeerError } from "./errors.js";
import type { Carrier, CarrierReason, Direction, MediaKind, Metadata, TransportState } from "./types.js";

/** A track that another peer sends here. */
export interface RemoteTrack {
  track: MediaStreamTrack;
  peerId: string;
  label: string;
  broadcast: boolean;
  kind: MediaKind;
  /** What its publisher says about it now. */
  metadata: Metadata;
}

/** A track that is sent from here. */
export interface LocalTrack {
  track: MediaStreamTrack;
  label: string;
  broadcast: boolean;
  kind: MediaKind;
  metadata: Metadata;
  muted: boolean;
}

/** What another peer has sent with send(). */
export interface DataMessage {
  /** Its id; "" when the application on the server has sent it. */
  from: string;
  /** A string when a string was sent. */
  data: string | ArrayBuffer;
  label: string;
}

/** Why a remote track was taken away. */
export type RemovalReason =
  /** The peer removed it, or its source ended. */
  | "closed"
  /** Another track takes its place, under the same label: one that the peer added and that could not do so unseen,
   * or the same one on a transport that had to be made anew. */
  | "replaced"
  /** The peer left. */
  | "peer_left"
  /** The peer was lost: it did not come back within the server's grace period. */
  | "peer_lost"
  /** Your own disconnectFromPeer(). */
  | "disconnected"
  /** You share no room with the peer any longer. */
  | "room_left"
  /** The application on the server does not allow it any longer. */
  | "not_allowed"
  /** Its peer sent far more than it may. */
  | "too_much_bitrate"
  /** The application on the server took the track, or its peer, out of the call. */
  | "kicked"
  /** The session was lost (a server that started again); what is still there comes back as a new track. */
  | "connection_lost"
  | (string & {});

/** Why a track is not forwarded although you asked for it. */
export type HoldReason =
  /** The application's subscription policy. */
  | "policy"
  /** Muted by the application on the server. */
  | "server"
  | (string & {});

type TrackName = { peerId: string; label: string };

export interface SimplePeerEvents {
  track: RemoteTrack;
  trackRemoved: TrackName & { track: MediaStreamTrack; reason: RemovalReason };
  /** A peer came into sight; always before its first track. */
  peerConnection: { peerId: string };
  /** A peer went out of sight; always after its last track was removed. */
  peerDisconnection: { peerId: string; reason: string };
  /** The sender holds its track, or lets it go on. */
  trackMuted: TrackName;
  trackUnmuted: TrackName;
  /** The server does not forward a track, or does again. */
  trackHeld: TrackName & { reason: HoldReason };
  trackReleased: TrackName;
  /** The publisher said something new about its track. */
  metadataChanged: TrackName & { track: MediaStreamTrack; metadata: Metadata };
  /** A track of your own ended (camera unplugged, sharing stopped) and was taken off. */
  trackEnded: { label: string; track: MediaStreamTrack; reason: TrackEndReason };
  /** A message of another peer's send(). */
  data: DataMessage;
  /** The application on the server put you into a room, or took you out. */
  roomJoined: { roomId: string; peerIds: string[] };
  roomLeft: { roomId: string; reason: string };
  /** The server ended your session on purpose; it does not come back by itself. */
  ended: { error: SimplePeerError };
  connectionStateChange: ConnectionStateChange;
  /** Media between this peer and that one travels otherwise from now on; its tracks follow as "replaced". */
  carrierChange: { peerId: string; carrier: Carrier; reason: CarrierReason };
  /** Something failed that no promise of yours could tell. */
  error: { error: SimplePeerError };
}

export interface ConnectionStateChange {
  /** "signaling" is the socket; "send" and "recv" are the two media transports; "mesh" is the link with `peerId`. */
  direction: Direction | "signaling" | "mesh";
  /** Of a link: with whom. */
  peerId?: string;
  state: TransportState;
  reason: ConnectionReason;
}

/** Why a connection has changed its state. Of a socket that is lost: what socket.io says ("transport close", …). */
export type ConnectionReason =
  /** Nothing is wrong. */
  | ""
  /** The socket is back, and all is as it was. */
  | "resumed"
  /** All was set up anew: the first time, or because the server had nothing left of this peer. */
  | "new_session"
  /** The browser finds no way through the network; ICE restarts, or a new transport, look for another. */
  | "no_network_path"
  /** The server saw nothing of this peer any longer, or its side of DTLS ended. */
  | "ice_timeout"
  | "ice_consent_overdue"
  | "ice_consent_expired"
  | "dtls_handshake_failed"
  | "dtls_timeout"
  | "dtls_closed"
  /** The server does not have the transport any longer. */
  | "not_found"
  | "not_replaced"
  /** The browser has closed the transport. */
  | "closed_by_browser"
  /** Nobody at the other end of a link has answered. */
  | "no_answer"
  /** The other end of a link has closed it, or has asked for another connection. */
  | "done"
  | "made_anew"
  /** Another one is made again, since the last could not be. */
  | "rebuilding"
  | (string & {});

export type OnTrack = (
  track: MediaStreamTrack,
  peerId: string,
  info: { label: string; peerId: string; broadcast: boolean; metadata: Metadata },
) => void;

export type Listener<Payload> = (payload: Payload) => void;

/** Takes the listener off again. */
export type Unsubscribe = () => void;

/** One listener's exception must not keep the others, or the connection, from going on. */
export function callSafely<Args extends unknown[]>(name: string, call: (...args: Args) => void, ...args: Args): void {
  try {
    call(...args);
  } catch (error) {
    console.error(`simplesfu: the application's ${name} handler threw`, error);
  }
}

interface Registration {
  call: Listener<never>;
  once: boolean;
}

export class Emitter<Events> {
  readonly #registrations = new Map<keyof Events, Set<Registration>>();

  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): Unsubscribe {
    return this.#add(name, { call: listener, once: false });
  }

  once<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): Unsubscribe {
    return this.#add(name, { call: listener, once: true });
  }

  off<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    const registrations = this.#registrations.get(name);
    for (const registration of registrations ?? []) {
      if (registration.call === listener) registrations?.delete(registration);
    }
  }

  /** Calls those who listen now, in the order they came. */
  emit<Name extends keyof Events>(name: Name, payload: Events[Name]): void {
    const registrations = this.#registrations.get(name);
    for (const registration of [...(registrations ?? [])]) {
      if (!registrations?.has(registration)) continue; // taken off by a listener before it
      if (registration.once) registrations.delete(registration);
      callSafely(`"${String(name)}"`, registration.call as Listener<Events[Name]>, payload);
    }
  }

  hasListeners(name: keyof Events): boolean {
    return (this.#registrations.get(name)?.size ?? 0) > 0;
  }

  clear(): void {
    this.#registrations.clear();
  }

  #add(name: keyof Events, registration: Registration): Unsubscribe {
    const registrations = this.#registrations.get(name) ?? new Set();
    registrations.add(registration);
    this.#registrations.set(name, registrations);
    return () => registrations.delete(registration);
  }
}
