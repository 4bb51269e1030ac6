/** Calls over the Socket.IO connection that a page already has: the client of the simplesfu media server. */
export type { SendOptions } from "./data.js";
export type { TrackEndReason } from "./devices-end.js";
export { type ErrorCode, type ExplanationCode, SimplePeerError } from "./errors.js";
export type {
  ConnectionReason,
  ConnectionStateChange,
  DataMessage,
  HoldReason,
  Listener,
  LocalTrack,
  OnTrack,
  RemoteTrack,
  RemovalReason,
  SimplePeerEvents,
  Unsubscribe,
} from "./events.js";
export type { IceServersOption } from "./ice-servers.js";
export type { NetworkCheckOptions } from "./network-check.js";
export type { NetworkReport, NetworkWay } from "./network-report.js";
export type { PublishOptions } from "./publish-options.js";
export { SimplePeer, type SimplePeerOptions, type SimplePeerStats } from "./simple-peer.js";
export type { Carrier, CarrierReason, Explanation, Metadata, PreferredLayers, ServerStats, Topology } from "./types.js";
