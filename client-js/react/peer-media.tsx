/** The elements in which tracks play. */
import {
  type AudioHTMLAttributes,
  type CSSProperties,
  forwardRef,
  useImperativeHandle,
  useRef,
  type VideoHTMLAttributes,
} from "react";
import type { Call, PeerTrack } from "./call-store.js";
import { type PlaybackBlocked, usePlayback } from "./use-playback.js";

type MaybeTrack = MediaStreamTrack | null | undefined;

/** Tracks as they are. */
interface GivenTracks {
  track: MaybeTrack;
  call?: never;
  peerId?: never;
  label?: never;
}

/** What a peer of a call sends under a label; without one, the first that it sends. */
interface PeersTracks {
  call: Pick<Call, "tracks">;
  peerId: string;
  label?: string | undefined;
  track?: never;
}

interface Playback {
  /**
   * Browsers play no sound before the user has done something on the page. Till then a video is played without it.
   * Without this function the sound begins with the next click or key; with it, `play` is for a button of yours.
   */
  onPlaybackBlocked?: PlaybackBlocked | undefined;
}

type MediaAttributes<Attributes> = Omit<Attributes, "src" | "children" | "autoPlay" | "label">;

interface Picture extends Playback, MediaAttributes<VideoHTMLAttributes<HTMLVideoElement>> {
  /** As in a mirror: for a preview of the user's own camera. */
  mirrored?: boolean | undefined;
  /** How the picture fills the element. */
  fit?: CSSProperties["objectFit"];
}

/** With `audioTrack` or `audioLabel`: the sound that plays with the picture. */
export type PeerVideoProps = Picture &
  (
    | (GivenTracks & { audioTrack?: MaybeTrack; audioLabel?: never })
    | (PeersTracks & { audioLabel?: string | undefined; audioTrack?: never })
  );

export type PeerAudioProps = Playback &
  MediaAttributes<AudioHTMLAttributes<HTMLAudioElement>> &
  (GivenTracks | PeersTracks);

/**
 * A video element in which a track plays. Of a peer without labels: its first picture and its first sound. Whatever
 * else a video element takes goes to it.
 */
export const PeerVideo = forwardRef<HTMLVideoElement, PeerVideoProps>(function PeerVideo(props, ref) {
  const { track, audioTrack, call, peerId, label, audioLabel, mirrored, fit, style, onPlaybackBlocked, ...rest } =
    props;
  const element = useRef<HTMLVideoElement>(null);
  useImperativeHandle(ref, () => element.current as HTMLVideoElement);
  const picture = call ? find(call.tracks, "video", peerId, label) : track;
  const wantsSound = audioLabel !== undefined || label === undefined;
  const sound = call ? wantsSound && find(call.tracks, "audio", peerId, audioLabel) : audioTrack;
  usePlayback(element, [picture, sound || null], { muted: props.muted, onPlaybackBlocked });
  const look: CSSProperties = {
    ...(fit !== undefined && { objectFit: fit }),
    ...(mirrored && { transform: "scaleX(-1)" }),
    ...style,
  };
  return <video playsInline {...rest} ref={element} style={look} />;
});

/** An audio element in which a track plays: nothing is seen of it unless it has `controls`. */
export const PeerAudio = forwardRef<HTMLAudioElement, PeerAudioProps>(function PeerAudio(props, ref) {
  const { track, call, peerId, label, onPlaybackBlocked, ...rest } = props;
  const element = useRef<HTMLAudioElement>(null);
  useImperativeHandle(ref, () => element.current as HTMLAudioElement);
  const sound = call ? find(call.tracks, "audio", peerId, label) : track;
  usePlayback(element, [null, sound], { muted: props.muted, onPlaybackBlocked });
  return <audio {...rest} ref={element} />;
});

function find(
  tracks: readonly PeerTrack[],
  kind: PeerTrack["kind"],
  peerId: string,
  label: string | undefined,
): MediaStreamTrack | undefined {
  const isIt = (remote: PeerTrack): boolean =>
    remote.peerId === peerId && remote.kind === kind && (label === undefined || remote.label === label);
  return tracks.find(isIt)?.track;
}
