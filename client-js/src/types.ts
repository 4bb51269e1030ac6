/** The wire: requests, their answers and notifications, as docs/protocol.md has them. */
import type { types as mediasoup } from "mediasoup-client";

export const PROTOCOL_VERSION = 1;

export type MediaKind = mediasoup.MediaKind;
export type Direction = "send" | "recv";

type Nothing = Record<string, never>;
type ProducerRef = { producerId: string };
type PeerRef = { peerId: string };
type RoomRef = { roomId: string };
type TransportRef = { transportId: string };

/** What is asked, and what comes back. */
export interface Requests {
  hello: [Nothing, { peerId: string; protocol: number; routerRtpCapabilities: mediasoup.RtpCapabilities }];
  setRtpCapabilities: [{ rtpCapabilities: mediasoup.RtpCapabilities }, Nothing];
  createWebRtcTransport: [{ direction: Direction }, TransportOffer];
  connectWebRtcTransport: [TransportRef & { dtlsParameters: mediasoup.DtlsParameters }, Nothing];
  restartIce: [TransportRef, { iceParameters: mediasoup.IceParameters }];
  closeTransport: [TransportRef, Nothing];
  produce: [ProduceRequest, ProducerRef];
  pauseProducer: [ProducerRef, Nothing];
  resumeProducer: [ProducerRef, Nothing];
  closeProducer: [ProducerRef, Nothing];
  consume: [TransportRef & ProducerRef, ConsumerOffer];
  resumeConsumer: [{ consumerId: string }, Nothing];
  connectToPeer: [PeerRef, Nothing];
  disconnectFromPeer: [PeerRef, Nothing];
  pausePeer: [PeerRef, Nothing];
  resumePeer: [PeerRef, Nothing];
  joinRoom: [RoomRef, { peerIds: string[] }];
  leaveRoom: [RoomRef, Nothing];
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

export interface TransportOffer {
  id: string;
  iceParameters: mediasoup.IceParameters;
  iceCandidates: mediasoup.IceCandidate[];
  dtlsParameters: mediasoup.DtlsParameters;
}

export interface ProduceRequest extends TransportRef {
  kind: MediaKind;
  rtpParameters: mediasoup.RtpParameters;
  label: string;
  broadcast: boolean;
  paused: boolean;
}

export interface ConsumerOffer extends ProducerOffer {
  consumerId: string;
  type: "simple" | "simulcast" | "svc";
  rtpParameters: mediasoup.RtpParameters;
  producerPaused: boolean;
}

export interface ProducerOffer {
  producerId: string;
  peerId: string;
  label: string;
  broadcast: boolean;
  kind: MediaKind;
}

/** The server's own counters; their fields may grow, so nothing here depends on them. */
export interface ServerStats {
  transports: Record<string, unknown>[];
  producers: Record<string, unknown>[];
  consumers: Record<string, unknown>[];
}

/** What the server says unasked. */
export interface Notifications {
  peerConnection: PeerRef;
  peerDisconnection: PeerRef;
  producerAvailable: ProducerOffer;
  producerUnavailable: { producerId: string; peerId: string; label: string; reason: string };
  producerPaused: { producerId: string; peerId: string; label: string };
  producerResumed: { producerId: string; peerId: string; label: string };
  transportStateChange: { transportId: string; state: TransportState; reason: string };
}

export type TransportState = "new" | "connecting" | "connected" | "disconnected" | "failed" | "closed";

export type NotificationHandlers = { [Name in keyof Notifications]: (payload: Notifications[Name]) => void };
