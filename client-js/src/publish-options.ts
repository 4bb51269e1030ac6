/** How a track is sent: defaults, and the choice of a codec. */
import type { Device, types as mediasoup } from "mediasoup-client";
import { SimplePeerError } from "./errors.js";

export interface PublishOptions {
  /**
   * Encodings as in RTCRtpTransceiverInit.sendEncodings. More than one is simulcast: lowest quality first.
   * Default: one; video up to 1.5 Mbps (enough for 720p), audio 64 kbps.
   */
  encodings?: RTCRtpEncodingParameters[];
  /** A MIME type, e.g. "video/VP9". Default: the first that the browser and the server have in common. */
  codec?: string;
}

const VIDEO_MAX_BITRATE_BPS = 1_500_000;
const AUDIO_MAX_BITRATE_BPS = 64_000;

// Speech over an unreliable network: mono, always sent (a gap would read as loss), and FEC against single losses.
const OPUS: mediasoup.ProducerCodecOptions = {
  opusStereo: false,
  opusDtx: false,
  opusFec: true,
  opusMaxAverageBitrate: AUDIO_MAX_BITRATE_BPS,
};

export function producerOptions(
  device: Device,
  kind: mediasoup.MediaKind,
  { encodings, codec }: PublishOptions,
): Pick<mediasoup.ProducerOptions, "encodings" | "codec" | "codecOptions"> {
  const maxBitrate = kind === "video" ? VIDEO_MAX_BITRATE_BPS : AUDIO_MAX_BITRATE_BPS;
  return {
    encodings: (encodings as mediasoup.RtpEncodingParameters[] | undefined) ?? [{ maxBitrate }],
    ...(kind === "audio" && { codecOptions: OPUS }),
    ...(codec !== undefined && { codec: findCodec(device, kind, codec) }),
  };
}

function findCodec(device: Device, kind: mediasoup.MediaKind, mimeType: string): mediasoup.RtpCodecCapability {
  const choice = (device.sendRtpCapabilities.codecs ?? []).filter(
    (codec) => codec.kind === kind && !/\/rtx$/i.test(codec.mimeType),
  );
  const found = choice.find((codec) => codec.mimeType.toLowerCase() === mimeType.toLowerCase());
  if (found) return found;
  const names = [...new Set(choice.map((codec) => codec.mimeType))].join(", ");
  throw new SimplePeerError(
    "unsupported",
    `this browser and the server cannot both send "${mimeType}"`,
    names ? `use one of: ${names}` : `they have no ${kind} codec in common`,
  );
}
