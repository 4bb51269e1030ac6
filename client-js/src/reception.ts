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

/** undefined when the consumer has been closed, or nothing is known of it yet. */
export async function receptionOf(consumer: mediasoup.Consumer): Promise<Reception | undefined> {
  if (consumer.closed) return undefined;
  let stats: RTCInboundRtpStreamStats | undefined;
  const report = await consumer.getStats().catch((error: unknown) => {
    if (consumer.closed) return undefined;
    throw error;
  });
  report?.forEach((entry: RTCStats) => {
    if (entry.type === "inbound-rtp") stats = entry as RTCInboundRtpStreamStats;
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
