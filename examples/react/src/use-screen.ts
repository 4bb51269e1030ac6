import { useCallback, useEffect, useState } from "react";

export interface Screen {
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
    navigator.mediaDevices.getDisplayMedia({ video: true }).then(
      (stream) => setTrack(stream.getVideoTracks()[0] ?? null),
      (error: Error) => setProblem(error.name === "NotAllowedError" ? null : error.message), // thought better of it
    );
  }, [track]);
  return { track, problem, toggle };
}
