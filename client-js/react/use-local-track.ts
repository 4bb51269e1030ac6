import { useEffect, useRef, useState } from "react";
import { type Metadata, type PublishOptions, SimplePeerError } from "simplesfu";
import type { Call } from "./call-store.js";

/** Options of addTrack(), and what it takes beside them. */
export interface LocalTrackOptions extends PublishOptions {
  /** To every peer in sight, which is the default here; false: to those who connectToPeer(). */
  broadcast?: boolean;
  /**
   * Muted from the start, it is not published before it is unmuted: not a word gets out. So it is with another label, and
   * with another socket.
   */
  muted?: boolean;
  /** What viewers are told about it. */
  metadata?: Metadata;
}

/**
 * Sends a track while the component is mounted, under that label; another track takes its place without a gap.
 *
 * @param call as useSimplePeer() gives it
 * @param track null while there is none
 * @returns why it is not sent; null when it is, or is about to be
 */
export function useLocalTrack(
  { peer }: Pick<Call, "peer">,
  track: MediaStreamTrack | null | undefined,
  label: string,
  options: LocalTrackOptions = {},
): SimplePeerError | null {
  const { broadcast = true, muted = false, metadata = {}, ...publishOptions } = options;
  const said = JSON.stringify([metadata, publishOptions]); // objects are other ones at each rendering
  const [error, setError] = useState<SimplePeerError | null>(null);
  const [begun, setBegun] = useState<Place | null>(null);
  const place = begun?.peer === peer && begun?.label === label ? begun : null;
  const sends = track && (place || !muted) ? (place ?? { peer, label }) : null;
  if (begun !== sends) setBegun(sends);
  const sending = sends !== null;
  const published = useRef(false);
  /** As it is wished now, and as the peer has been told of this label. */
  const mute = useRef({ now: muted, told: false });

  useEffect(() => {
    mute.current.now = muted;
  });

  useEffect(() => {
    return () => {
      if (published.current) peer?.removeTrack(label).catch(ignore); // there is none when its source has ended
      published.current = false;
    };
  }, [peer, label]);

  useEffect(() => {
    let current = true;
    const tell = (value: SimplePeerError | null): void => {
      if (current) setError(value);
    };
    if (peer && track && sending) {
      const [told, chosen] = JSON.parse(said) as [Metadata, PublishOptions];
      const { now } = mute.current; // told along: the label that was muted may have gone with its source
      mute.current.told = now || (published.current && mute.current.told);
      published.current = true;
      const failed = (cause: unknown): void => tell(cause as SimplePeerError);
      peer.addTrack(track, { ...told, label }, broadcast, { ...chosen, muted: now }).then(() => tell(null), failed);
    } else if (peer && published.current) {
      published.current = false;
      peer.removeTrack(label).catch(ignore);
      tell(null);
    }
    return () => {
      current = false;
    };
  }, [peer, label, track, sending, broadcast, said]);

  useEffect(() => {
    if (!peer || !sending || mute.current.told === muted) return;
    mute.current.told = muted;
    (muted ? peer.muteTrack(label) : peer.unmuteTrack(label)).catch(ignore); // addTrack() has told why there is none
  }, [peer, label, sending, muted]);
  return error;
}

/** Where it is sent; in another place it has not begun yet. */
interface Place {
  readonly peer: Call["peer"];
  readonly label: string;
}

function ignore(error: unknown): void {
  if (!(error instanceof SimplePeerError)) throw error;
}
