/** How a track is sent: what may be asked for, the presets where nothing is, and the choice of a codec. */
import type { Device, types as mediasoup } from "mediasoup-client";
import { isScreenTrack, settingsOf } from "./devices.js";
import { SimplePeerError } from "./errors.js";

export interface PublishOptions {
  /**
   * Video in several sizes and frame rates at once, so that the server can give each viewer what that one can take:
   * three sizes from 540 lines on, two from 270 lines on and for screens. Default: false.
   */
  simulcast?: boolean;
  /** Your own encodings, as in RTCRtpTransceiverInit.sendEncodings, lowest quality first; they overrule all presets. */
  encodings?: RTCRtpEncodingParameters[];
  /** In bits per second, for the best encoding. Default: by the size of the picture, or 64 000 for audio. */
  maxBitrate?: number;
  /**
   * What the track shows. "detail" and "text" (the default for a shared screen) keep every pixel and give up frames;
   * "motion" (the default for anything else) does the opposite. "music" is stereo in twice the bitrate.
   */
  contentHint?: "motion" | "detail" | "text" | "speech" | "music";
  /** What gives when the network or the processor is short. Default: the browser's, by contentHint. */
  degradationPreference?: "maintain-framerate" | "maintain-resolution" | "balanced";
  /** "VP9", or "video/VP9". Default: the first that the browser and the server have in common. */
  codec?: string;
  /**
   * Muted from the start: nobody sees or hears it before unmuteTrack(). Default: as the track is whose place it takes;
   * false where it takes none.
   */
  muted?: boolean;
}

type ProducerChoices = Pick<mediasoup.ProducerOptions, "encodings" | "codec" | "codecOptions">;

/** Enough for 720 lines that move, and for 1080. */
const CAMERA_MAX_BITRATE_BPS = 1_500_000;
const LARGE_MAX_BITRATE_BPS = 2_500_000;
const LARGE_HEIGHT = 1080;
const CAMERA_MAX_HALVINGS = 2;
const UNKNOWN_HEIGHT = 720;
/** Half as high and half as wide needs more than a quarter of the bits. */
const HALVED_BITRATE_SHARE = 0.3;
/** From so many lines on a picture is sent halved as well, and halved twice. With more sizes than these Chromium leaves
 * the best one out. */
const HALVED_FROM_HEIGHT = 270;
const HALVED_TWICE_FROM_HEIGHT = 540;

/** Three frame rates in each size, so that a viewer can be given half or a quarter of the frames. */
const CAMERA_SCALABILITY = "L1T3";

/** A screen is large and mostly still: few frames, but sharp ones. */
const SCREEN_MAX_BITRATE_BPS = 2_500_000;
const SCREEN_MAX_FRAMERATE = 15;
const SCREEN_MAX_HALVINGS = 1;

const SPEECH_MAX_BITRATE_BPS = 64_000;
const MUSIC_MAX_BITRATE_BPS = 128_000;

/** @throws SimplePeerError `bad_request`, `unsupported` */
export function producerChoices(device: Device, track: MediaStreamTrack, options: PublishOptions): ProducerChoices {
  const kind = track.kind as mediasoup.MediaKind;
  return {
    encodings: encodingsOf(track, options),
    ...(kind === "audio" && { codecOptions: opusOptions(track, options) }),
    ...(options.codec !== undefined && { codec: findCodec(device, kind, options.codec) }),
  };
}

/** Lowest quality first. */
export function encodingsOf(track: MediaStreamTrack, options: PublishOptions): mediasoup.RtpEncodingParameters[] {
  const own = asGiven(options.encodings);
  if (own) return own;
  return track.kind === "audio" ? [{ maxBitrate: audioBitrate(track, options) }] : videoEncodings(track, options);
}

/** Tells the browser what the track shows, where the application has not told it itself. */
export function hintContent(track: MediaStreamTrack, { contentHint }: PublishOptions): void {
  if (contentHint) track.contentHint = contentHint;
  else if (!track.contentHint && track.kind === "video" && isScreenTrack(track)) track.contentHint = "detail";
}

/** Browsers that know no such thing ignore it. */
export async function preferDegradation(sender: RTCRtpSender | undefined, options: PublishOptions): Promise<void> {
  const { degradationPreference } = options;
  if (!sender || !degradationPreference) return;
  await sender.setParameters({ ...sender.getParameters(), degradationPreference } as RTCRtpSendParameters);
}

/** Whether a producer made with the one would do for the other. */
export function sameOptions(one: PublishOptions, other: PublishOptions): boolean {
  const ordered = (options: PublishOptions) => JSON.stringify(Object.entries(options).sort());
  return ordered(one) === ordered(other);
}

/** For an unreliable network: always sent (a gap would read as loss), and FEC against single losses. */
function opusOptions(track: MediaStreamTrack, options: PublishOptions): mediasoup.ProducerCodecOptions {
  return {
    opusStereo: isMusic(track, options),
    opusDtx: false,
    opusFec: true,
    opusMaxAverageBitrate: audioBitrate(track, options),
  };
}

function audioBitrate(track: MediaStreamTrack, options: PublishOptions): number {
  return options.maxBitrate ?? (isMusic(track, options) ? MUSIC_MAX_BITRATE_BPS : SPEECH_MAX_BITRATE_BPS);
}

function isMusic(track: MediaStreamTrack, { contentHint }: PublishOptions): boolean {
  return (contentHint ?? track.contentHint) === "music";
}

function videoEncodings(track: MediaStreamTrack, options: PublishOptions): mediasoup.RtpEncodingParameters[] {
  const height = heightOf(track);
  const detail = ["detail", "text"].includes(options.contentHint ?? track.contentHint);
  const maxBitrate = options.maxBitrate ?? (detail ? SCREEN_MAX_BITRATE_BPS : cameraBitrate(height));
  const best = { maxBitrate, ...(detail && { maxFramerate: SCREEN_MAX_FRAMERATE }) };
  if (!options.simulcast) return [best];
  return sizes(height, detail ? SCREEN_MAX_HALVINGS : CAMERA_MAX_HALVINGS).map((halvings) => ({
    ...best,
    ...(!detail && { scalabilityMode: CAMERA_SCALABILITY }),
    scaleResolutionDownBy: 2 ** halvings,
    maxBitrate: Math.round(maxBitrate * HALVED_BITRATE_SHARE ** halvings),
  }));
}

/** How often each size is halved, the smallest first. */
function sizes(height: number, maxHalvings: number): number[] {
  const useful = height >= HALVED_TWICE_FROM_HEIGHT ? 2 : height >= HALVED_FROM_HEIGHT ? 1 : 0;
  const halvings = Math.min(useful, maxHalvings);
  return Array.from({ length: halvings + 1 }, (_, index) => halvings - index);
}

function cameraBitrate(height: number): number {
  return height < LARGE_HEIGHT ? CAMERA_MAX_BITRATE_BPS : LARGE_MAX_BITRATE_BPS;
}

function heightOf(track: MediaStreamTrack): number {
  const { width, height } = settingsOf(track);
  return Math.min(width ?? height ?? UNKNOWN_HEIGHT, height ?? UNKNOWN_HEIGHT); // a phone held upright is no 1080p
}

/** The types of the browser and of mediasoup-client differ where neither looks. */
function asGiven(encodings?: RTCRtpEncodingParameters[]): mediasoup.RtpEncodingParameters[] | undefined {
  return encodings as mediasoup.RtpEncodingParameters[] | undefined;
}

function findCodec(device: Device, kind: mediasoup.MediaKind, name: string): mediasoup.RtpCodecCapability {
  const choice = (device.sendRtpCapabilities.codecs ?? []).filter(
    (codec) => codec.kind === kind && !/\/rtx$/i.test(codec.mimeType),
  );
  const mimeType = (name.includes("/") ? name : `${kind}/${name}`).toLowerCase();
  const found = choice.find((codec) => codec.mimeType.toLowerCase() === mimeType);
  if (found) return found;
  const names = [...new Set(choice.map((codec) => codec.mimeType))].join(", ");
  throw new SimplePeerError(
    "unsupported",
    `this browser and the server cannot both send "${name}"`,
    names ? `use one of: ${names}` : `they have no ${kind} codec in common`,
  );
}
