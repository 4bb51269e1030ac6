/** WebRTC for Node (libwebrtc, by @roamhq/wrtc), and the ORTC objects that a server would give. */
import { randomInt } from "node:crypto";
import wrtc from "@roamhq/wrtc";
import type { types as mediasoup } from "mediasoup-client";
import type { SimplePeerOptions } from "../../src/simple-peer.js";
import type { TransportOffer } from "../../src/types.js";

/** mediasoup-client looks for these in the global scope, and cannot tell Node's browser from its user agent. */
export function installNodeWebRtc(): SimplePeerOptions {
  const { MediaStream, MediaStreamTrack, RTCPeerConnection, RTCSessionDescription } = wrtc;
  Object.assign(globalThis, { MediaStream, MediaStreamTrack, RTCPeerConnection, RTCSessionDescription });
  return { device: { handlerName: "Chrome111" } };
}

export function videoTrack(): MediaStreamTrack {
  return new wrtc.nonstandard.RTCVideoSource().createTrack();
}

/** One with 25 frames a second, until it is stopped. */
export function movingTrack(): { track: MediaStreamTrack; stop(): void } {
  const source = new wrtc.nonstandard.RTCVideoSource();
  const [width, height] = [320, 240];
  const data = new Uint8Array((width * height * 3) / 2).fill(128);
  const timer = setInterval(() => source.onFrame({ width, height, data }), 40);
  return { track: source.createTrack(), stop: () => clearInterval(timer) };
}

export function audioTrack(): MediaStreamTrack {
  return new wrtc.nonstandard.RTCAudioSource().createTrack();
}

const MID = "urn:ietf:params:rtp-hdrext:sdes:mid";
const VIDEO_FEEDBACK: mediasoup.RtcpFeedback[] = [
  { type: "nack", parameter: "" },
  { type: "nack", parameter: "pli" },
];

export const ROUTER_RTP_CAPABILITIES: mediasoup.RtpCapabilities = {
  codecs: [
    { kind: "audio", mimeType: "audio/opus", clockRate: 48000, channels: 2, preferredPayloadType: 100 },
    ...videoCodec("video/VP8", 101),
    ...videoCodec("video/VP9", 103),
  ],
  headerExtensions: [
    headerExtension("audio", MID, 1, "sendrecv"),
    headerExtension("video", MID, 1, "sendrecv"),
    headerExtension("video", "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", 2, "recvonly"),
    headerExtension("video", "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id", 3, "recvonly"),
  ],
};

/** `direction` as the router sees it. */
function headerExtension(
  kind: "audio" | "video",
  uri: mediasoup.RtpHeaderExtensionUri,
  preferredId: number,
  direction: mediasoup.RtpHeaderExtensionDirection,
): mediasoup.RtpHeaderExtension {
  return { kind, uri, preferredId, preferredEncrypt: false, direction };
}

function videoCodec(mimeType: string, payloadType: number): mediasoup.RtpCodecCapability[] {
  const common = { kind: "video", clockRate: 90000 } as const;
  const rtx = { ...common, mimeType: "video/rtx", preferredPayloadType: payloadType + 1, rtcpFeedback: [] };
  return [
    { ...common, mimeType, preferredPayloadType: payloadType, parameters: {}, rtcpFeedback: VIDEO_FEEDBACK },
    { ...rtx, parameters: { apt: payloadType } },
  ];
}

let mids = 0;

export function videoConsumerParameters(): mediasoup.RtpParameters {
  return {
    mid: String(mids++),
    codecs: [
      { mimeType: "video/VP8", payloadType: 101, clockRate: 90000, parameters: {}, rtcpFeedback: VIDEO_FEEDBACK },
    ],
    headerExtensions: [{ uri: MID, id: 1, encrypt: false, parameters: {} }],
    encodings: [{ ssrc: randomInt(1, 2 ** 31) }],
    rtcp: { cname: "played", reducedSize: true, mux: true },
  };
}

/** An address where nobody answers: signalling needs no media to flow. */
export function transportOffer(id: string): TransportOffer {
  return {
    id,
    iceParameters: { usernameFragment: "played", password: "played-password-of-24-chars", iceLite: true },
    iceCandidates: [
      {
        foundation: "1",
        priority: 1076302079,
        address: "127.0.0.1",
        ip: "127.0.0.1",
        port: 9,
        protocol: "udp",
        type: "host",
      },
    ],
    dtlsParameters: {
      role: "auto",
      fingerprints: [{ algorithm: "sha-256", value: Array.from({ length: 32 }, () => "AB").join(":") }],
    },
  };
}
