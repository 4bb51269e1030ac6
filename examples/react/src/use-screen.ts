import { useCallback, useEffect, useState } from "react";
import { SimplePeer, type SimplePeerError } from "simplesfu";

export interface Screen {
  /** Browsers of phones share none, and none do without https. */
  available: boolean;
  track: MediaStreamTrack | null;
  problem: string | null;
  toggle: () => void;
}

/** What the guest shares of the screen; the browser's own button ends it too. */
export function useScreen(): Screen {
  const [track, setTrack] = useState<MediaStreamTrack | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    if (!track) return;
    const ended = (): void => setTrack(null);
    track.addEventListener("ended", ended);
    return () => {
      track.removeEventListener("ended", ended);
      track.stop();
    };
  }, [track]);

  const toggle = useCallback(() => {
    if (track) return setTrack(null);
    SimplePeer.captureScreen().then(
      (stream) => setTrack(stream.getVideoTracks()[0] ?? null),
      (error: SimplePeerError) => setProblem(error.code === "permission_refused" ? null : error.message), // thought better of it
    );
  }, [track]);
  const available = "getDisplayMedia" in (navigator.mediaDevices ?? {});
  return { available, track, problem, toggle };
}
