/** simplesfu for React: a call as state, and the elements that show it. */
export type { Call, CallState, PeerTrack } from "./call-store.js";
export {
  PeerAudio,
  type PeerAudioProps,
  PeerVideo,
  type PeerVideoProps,
} from "./peer-media.js";
export { type LocalTrackOptions, useLocalTrack } from "./use-local-track.js";
export type { PlaybackBlocked } from "./use-playback.js";
export { type SimplePeerHookOptions, type SimplePeerSocket, useSimplePeer } from "./use-simple-peer.js";
