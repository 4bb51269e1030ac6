/** The wire: requests, their answers and notifications, as docs/protocol.md has them. */
import type { types as mediasoup } from "mediasoup-client";
import type { ExplanationCode } from "./errors.js";

export const PROTOCOL_VERSION = 2;
export const TOPOLOGIES = ["sfu", "mesh", "auto"] as const;

export type MediaKind = mediasoup.MediaKind;
export type Direction = "send" | "recv";

/** What an application says about a track beside its label: plain JSON, at most 4096 bytes of it. */
export type Metadata = Record<string, unknown>;

/** How a peer would like its media to travel: by the server, by direct links, or by those where two are alone. */
export type Topology = (typeof TOPOLOGIES)[number];

/** What carries the media of two peers: the server's router, or a direct link of their browsers. */
export type Carrier = "sfu" | "mesh";

/** `asked`: both wish for mesh; `unreachable`: their link has failed. */
export type CarrierReason = "asked" | "two_peers" | "third_peer" | "unreachable" | "topology_changed";

type Nothing = Record<string, never>;
type ProducerRef = { producerId: string };
type ConsumerRef = { consumerId: string };
type PeerRef = { peerId: string };
type RoomRef = { roomId: string };
type TransportRef = { transportId: string };
type LabelRef = { producerId: string; peerId: string; label: string };
/** All of a peer's tracks, or one. */
type TrackRef = { peerId: string; label?: string };

/** What is asked, and what comes back. Any payload may carry a `requestId`: asked again, the answer is the same one. */
export interface Requests {
  hello: [{ token?: string; lastSeq?: number; topology?: Topology; wantsData?: boolean }, Welcome];
  enter: [Nothing, Nothing];
  heartbeat: [{ lastSeq: number }, Nothing];
  getSnapshot: [Nothing, { snapshot: Snapshot; seq: number }];
  setRtpCapabilities: [{ rtpCapabilities: mediasoup.RtpCapabilities }, Nothing];
  createWebRtcTransport: [{ direction: Direction; replaces?: string }, TransportOffer];
  connectWebRtcTransport: [TransportRef & { dtlsParameters: mediasoup.DtlsParameters }, Nothing];
  restartIce: [TransportRef, { iceParameters: mediasoup.IceParameters }];
  closeTransport: [TransportRef, Nothing];
  getIceServers: [Nothing, IceServersAnswer];
  createProbe: [Nothing, TransportOffer];
  connectProbe: [TransportRef & { dtlsParameters: mediasoup.DtlsParameters }, Nothing];
  closeProbe: [TransportRef, Nothing];
  produce: [ProduceRequest, ProducerRef];
  publish: [PublishRequest, ProducerRef];
  setMetadata: [ProducerRef & { metadata: Metadata }, Nothing];
  pauseProducer: [ProducerRef, Nothing];
  resumeProducer: [ProducerRef, Nothing];
  closeProducer: [ProducerRef, Nothing];
  /** Without a transport: over the direct link. */
  consume: [Partial<TransportRef> & ProducerRef, ConsumerOffer];
  resumeConsumer: [ConsumerRef, Nothing];
  closeConsumer: [ConsumerRef, Nothing];
  connectToPeer: [TrackRef, PeerRef & { tracks: OfferedTrack[] }];
  disconnectFromPeer: [TrackRef, Nothing];
  pausePeer: [TrackRef, Nothing];
  resumePeer: [TrackRef, Nothing];
  setPreferredLayers: [TrackRef & PreferredLayers, Nothing];
  setTopology: [{ topology: Topology }, { topology: Topology }];
  signal: [Signal, Nothing];
  reportLink: [PeerRef & { state: "connected" | "failed"; reason: string }, Nothing];
  joinRoom: [RoomRef, { peerIds: string[] }];
  leaveRoom: [RoomRef, Nothing];
  explain: [{ peerId: string; label: string }, { explanation: Explanation }];
  openData: [{ label: string }, Nothing];
  produceData: [DataProduceRequest, DataProducerAnswer];
  consumeData: [TransportRef & { reliable: boolean }, DataConsumerOffer];
  getStats: [Nothing, ServerStats];
}

export type RequestName = keyof Requests;
export type Payload<Name extends RequestName> = Requests[Name][0];
export type Reply<Name extends RequestName> = Requests[Name][1];

/** Every answer is one of these two. */
export type Answer = { ok: true; data: unknown } | { ok: false; error: WireError };

export interface WireError {
  code: string;
  message: string;
  hint?: string;
}

export interface IceServersAnswer {
  iceServers: RTCIceServer[];
  /** How long they may be used; null: for ever. */
  iceServersLifetimeMs: number | null;
}

/** The answer to `hello`. */
export interface Welcome extends IceServersAnswer {
  /** Stays the same through resumes, whatever socket carries them. */
  peerId: string;
  protocol: number;
  /** What is granted: "sfu", when the server lets no media travel otherwise. */
  topology: Topology;
  /** True: the session of `token` goes on, and with it all that hangs on it. False: nothing is there yet. */
  resumed: boolean;
  /** For the next hello; each is good once. */
  token: string;
  /** How long the server keeps the session of a lost socket. */
  gracePeriodMs: number;
  /** The server's heartbeats come this often. */
  heartbeatMs: number;
  /** Of the newest notification there has been. */
  seq: number;
  routerRtpCapabilities: mediasoup.RtpCapabilities;
  /** In place of notifications missed that are not kept any longer. */
  snapshot?: Snapshot;
}

/** A policy, or the server's mute, keeps a track from flowing; "": nothing does. */
export type HeldReason = "policy" | "server" | "";

/** What the server knows of a session. */
export interface Snapshot {
  /** In sight. */
  peers: PeerRef[];
  offers: ProducerOffer[];
  rooms: string[];
  /** `sfu`: as the last carriageChange has told it. */
  producers: { producerId: string; label: string; paused: boolean; sfu: boolean }[];
  consumers: { consumerId: string; producerId: string; held: HeldReason; carrier: Carrier }[];
  transports: { transportId: string; direction: Direction; state: TransportState }[];
  /** The pairs that a carrierChange has told of. */
  links: { peerId: string; carrier: Carrier }[];
  linkConsumers: LinkConsumer[];
  /** Ids of those that messages for this peer come by, and of those that it sends by. */
  dataConsumers: string[];
  dataProducers: string[];
  /** That openData has opened. */
  dataLabels: string[];
}

export interface TransportOffer {
  id: string;
  iceParameters: mediasoup.IceParameters;
  iceCandidates: mediasoup.IceCandidate[];
  dtlsParameters: mediasoup.DtlsParameters;
  sctpParameters?: mediasoup.SctpParameters;
}

export interface ProduceRequest extends TransportRef {
  kind: MediaKind;
  rtpParameters: mediasoup.RtpParameters;
  label: string;
  broadcast: boolean;
  paused: boolean;
  metadata?: Metadata;
  /** Of the label's producer on another transport of this peer, which is to move here and live on. */
  producerId?: string;
}

/** A track that direct links carry, and the router not (any longer). */
export interface PublishRequest {
  kind: MediaKind;
  label: string;
  broadcast: boolean;
  paused: boolean;
  metadata?: Metadata;
  /** Of the label's producer, which is to live on. */
  producerId?: string;
}

/** What the publisher is to send over its link to a peer: its track, or nothing for now (`paused`). */
export interface LinkConsumer {
  consumerId: string;
  producerId: string;
  peerId: string;
  paused: boolean;
  /** Absent: no limit. */
  spatialLayer?: number;
  maxFrameRate?: number;
}

/** Between two browsers, about their link; the server hands it on as it is. `peerId` is the addressee's, or the sender's. */
export interface Signal {
  peerId: string;
  message: Record<string, unknown>;
}

export interface ConsumerOffer {
  consumerId: string;
  producerId: string;
  peerId: string;
  label: string;
  broadcast: boolean;
  metadata: Metadata;
  kind: MediaKind;
  type: "simple" | "simulcast" | "svc";
  /** Null: it comes over the direct link, which says the rest. */
  rtpParameters: mediasoup.RtpParameters | null;
  producerPaused: boolean;
}

/** A track that one may consume. */
export interface ProducerOffer {
  producerId: string;
  peerId: string;
  label: string;
  broadcast: boolean;
  kind: MediaKind;
  metadata: Metadata;
  /** The publisher holds it. */
  paused: boolean;
  carrier: Carrier;
}

/** A track that was there when connectToPeer was asked. */
export interface OfferedTrack {
  producerId: string;
  label: string;
  kind: MediaKind;
  paused: boolean;
}

/** The most that is wanted of a track; what is absent has no limit. */
export interface PreferredLayers {
  /** 0 is the smallest picture. */
  spatialLayer?: number;
  /** 0 is the lowest frame rate. */
  temporalLayer?: number;
  maxFrameRate?: number;
}

/** The first broken link between a publisher and a viewer. */
export interface Explanation {
  ok: boolean;
  /** Stable, for programs. */
  code: ExplanationCode | (string & {});
  message: string;
  hint: string;
  /** Whose part of the way it is; "" when all of it is whole. */
  link: "publisher" | "server" | "viewer" | "direct" | "";
}

export interface DataProduceRequest extends TransportRef {
  sctpStreamParameters: mediasoup.SctpStreamParameters;
  label: string;
  protocol: string;
}

export interface DataProducerAnswer {
  dataProducerId: string;
  /** The last part that came over a reliable channel of this peer's, on whatever transport. */
  received: { message: number; index: number } | null;
}

export interface DataConsumerOffer {
  dataConsumerId: string;
  dataProducerId: string;
  sctpStreamParameters: mediasoup.SctpStreamParameters;
  label: string;
  protocol: string;
}

/** The server's own counters; their fields may grow, so nothing here depends on them. */
export interface ServerStats {
  transports: Record<string, unknown>[];
  producers: Record<string, unknown>[];
  consumers: Record<string, unknown>[];
}

/** What the server says unasked; on the wire each also has its `seq` (see Numbered). */
export interface Notifications {
  peerConnection: PeerRef;
  peerDisconnection: PeerRef & { reason: string };
  producerAvailable: ProducerOffer;
  producerUnavailable: LabelRef & { reason: string };
  /** A track of this peer's own: the server has ended it. */
  producerClosed: ProducerRef & { label: string; reason: string };
  producerPaused: LabelRef;
  producerResumed: LabelRef;
  producerMetadata: LabelRef & { metadata: Metadata };
  consumerHeld: ProducerRef & { reason: HeldReason };
  /** Of the media between this peer and another. Nothing is said of a pair that is "sfu" from the start. */
  carrierChange: PeerRef & { carrier: Carrier; reason: CarrierReason };
  /** A track of this peer's own: whether anybody needs it by the router. */
  carriageChange: ProducerRef & { sfu: boolean };
  signal: Signal;
  linkConsumer: LinkConsumer;
  linkConsumerClosed: ConsumerRef & ProducerRef & PeerRef;
  transportStateChange: TransportRef & { state: TransportState; reason: string };
  /** Messages have waited too long for this peer to take them, or its end of the association has ended it. */
  dataConsumerClosed: { dataConsumerId: string; reason: string };
  dataProducerClosed: { dataProducerId: string; reason: string };
  /** Messages under this label are not let through any longer. */
  dataClosed: { label: string };
  /** The application on the server put this peer into a room, or took it out. */
  roomJoined: RoomRef & { peerIds: string[] };
  roomLeft: RoomRef & { reason: string };
  /** The server is about to end the session on purpose. */
  ended: WireError;
}

/** As notifications come: 1, 2, … in each session. */
export type Numbered<Payload> = Payload & { seq: number };

/** Sent every `heartbeatMs` on a connection; not a notification: `seq` is that of the last of those. */
export interface Heartbeat {
  seq: number;
}

export type TransportState = "new" | "connecting" | "connected" | "disconnected" | "failed" | "closed";

export type NotificationHandlers = { [Name in keyof Notifications]: (payload: Notifications[Name]) => void };
