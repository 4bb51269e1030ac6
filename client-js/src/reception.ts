/** What the browser has received of a track, by its statistics. */
import type { types as mediasoup } from "mediasoup-client";

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

/** undefined when nothing is known of it. `report` is that of the receiving transport. */
export function receptionOf(consumer: mediasoup.Consumer, report: RTCStatsReport): Reception | undefined {
  const ssrc = consumer.rtpParameters.encodings?.[0]?.ssrc;
  let stats: RTCInboundRtpStreamStats | undefined;
  report.forEach((entry: RTCInboundRtpStreamStats) => {
    if (entry.type === "inbound-rtp" && entry.ssrc === ssrc) stats = entry;
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

/** Something is to be seen, or heard. */
export function plays(kind: mediasoup.MediaKind, { packets, frames }: Reception): boolean {
  return kind === "video" ? frames > 0 : packets > 0;
}
