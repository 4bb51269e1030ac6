/** How a track is encoded for one viewer at the other end of a link. */
import { encodingsOf, type PublishOptions } from "./publish-options.js";
import type { PreferredLayers } from "./types.js";

/** What the viewer has asked for; what is absent has no limit. */
export type LinkLimits = Pick<PreferredLayers, "spatialLayer" | "maxFrameRate">;

/**
 * The best of the encodings that the router would get, or the one that the viewer has asked for. Of a track that is
 * published in one size, too, smaller ones are to be had: they cost nothing here, since each viewer has an encoder of its own.
 */
export function linkEncoding(
  track: MediaStreamTrack,
  options: PublishOptions,
  { spatialLayer, maxFrameRate }: LinkLimits,
): RTCRtpEncodingParameters {
  const sizes = encodingsOf(track, { ...options, simulcast: spatialLayer !== undefined });
  const chosen = sizes[Math.min(spatialLayer ?? sizes.length, sizes.length - 1)] ?? {};
  const { maxBitrate, maxFramerate, scaleResolutionDownBy = 1 } = chosen;
  const frameRates = [maxFramerate, maxFrameRate].filter((rate) => rate !== undefined);
  return {
    ...(maxBitrate !== undefined && { maxBitrate }),
    ...(track.kind === "video" && { scaleResolutionDownBy }),
    ...(track.kind === "video" && frameRates.length > 0 && { maxFramerate: Math.min(...frameRates) }),
  };
}

/** The codec of that name comes first; a browser that cannot choose keeps its own order. */
export function preferCodec(transceiver: RTCRtpTransceiver, kind: string, name: string | undefined): void {
  const codecs = globalThis.RTCRtpReceiver?.getCapabilities?.(kind)?.codecs ?? [];
  const mimeType = name && (name.includes("/") ? name : `${kind}/${name}`).toLowerCase();
  const isPreferred = (codec: RTCRtpCodec) => codec.mimeType.toLowerCase() === mimeType;
  if (!codecs.some(isPreferred)) return;
  transceiver.setCodecPreferences([...codecs.filter(isPreferred), ...codecs.filter((codec) => !isPreferred(codec))]);
}
