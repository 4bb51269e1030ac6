/** What the browser has received of a track, by its statistics. */
import type { MediaKind } from "./types.js";

export interface Reception {
  packets: number;
  /** undefined: none so far, or the browser does not tell. */
  lastPacketAgeMs: number | undefined;
  keyframes: number;
  /** Decoded. */
  frames: number;
  framesPerSecond: number | undefined;
  width: number | undefined;
  height: number | undefined;
}

/** undefined when nothing is known of it. `report` is that of the connection it comes by. */
export function receptionOf(track: MediaStreamTrack, report: RTCStatsReport): Reception | undefined {
  let stats: RTCInboundRtpStreamStats | undefined;
  report.forEach((entry: RTCInboundRtpStreamStats) => {
    if (entry.type === "inbound-rtp" && entry.trackIdentifier === track.id) stats = entry;
  });
  if (!stats) return undefined;
  const { lastPacketReceivedTimestamp: last, timestamp } = stats;
  return {
    packets: stats.packetsReceived ?? 0,
    lastPacketAgeMs: last === undefined ? undefined : Math.max(0, timestamp - last),
    keyframes: stats.keyFramesDecoded ?? 0,
    frames: stats.framesDecoded ?? 0,
    framesPerSecond: stats.framesPerSecond,
    width: stats.frameWidth,
    height: stats.frameHeight,
  };
}

/** How long nothing at all has come over it, in ms; undefined: nothing ever has, or the browser does not tell. */
export function silenceOf(report: RTCStatsReport): number | undefined {
  let shortest: number | undefined;
  report.forEach((entry: RTCIceCandidatePairStats) => {
    const last = entry.type === "candidate-pair" ? entry.lastPacketReceivedTimestamp : undefined;
    if (last) shortest = Math.min(shortest ?? Number.POSITIVE_INFINITY, entry.timestamp - last);
  });
  return shortest;
}

/** Something is to be seen, or heard. */
export function plays(kind: MediaKind, { packets, frames }: Reception): boolean {
  return kind === "video" ? frames > 0 : packets > 0;
}
