import { type RefObject, useEffect, useRef } from "react";

/** `play` has to be called by something that the user does. */
export type PlaybackBlocked = (play: () => Promise<void>) => void;

export interface PlaybackOptions {
  muted: boolean | undefined;
  onPlaybackBlocked: PlaybackBlocked | undefined;
}

/** What a browser counts as the user's doing something. */
const GESTURES = ["pointerup", "keydown"] as const;

/**
 * Plays tracks in an element. A track that takes another's place does so in the same stream: the last picture of the
 * old one stays until the first of the new one is there.
 */
export function usePlayback(
  ref: RefObject<HTMLMediaElement | null>,
  [picture, sound]: [picture: MediaStreamTrack | null | undefined, sound: MediaStreamTrack | null | undefined],
  options: PlaybackOptions,
): void {
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });

  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    return () => {
      element.srcObject = null;
    };
  }, [ref]);

  useEffect(() => {
    const element = ref.current;
    const tracks = [picture, sound].filter((track) => track != null);
    if (!element) return;
    if (tracks.length === 0) {
      element.srcObject = null;
      return;
    }
    putInto(element, tracks);
    return play(element, latest);
  }, [ref, picture, sound]);
}

function putInto(element: HTMLMediaElement, tracks: MediaStreamTrack[]): void {
  const stream = element.srcObject as MediaStream | null;
  if (!stream) {
    element.srcObject = new MediaStream(tracks);
    return;
  }
  for (const track of tracks) stream.addTrack(track); // before the old one goes: the stream must not run dry
  for (const track of stream.getTracks()) if (!tracks.includes(track)) stream.removeTrack(track);
}

/** @returns what gives it up */
function play(element: HTMLMediaElement, options: RefObject<PlaybackOptions>): () => void {
  let over = false;
  let stopWaiting = (): void => {};
  const withSound = async (): Promise<void> => {
    element.muted = options.current.muted ?? false;
    try {
      await element.play();
    } catch (error) {
      if (!over && isRefusal(error)) await withoutSound();
      throw error;
    }
  };
  const withoutSound = (): Promise<void> => {
    element.muted = true;
    return element.play().catch(() => undefined); // not even that: then it waits for the user
  };
  withSound().catch((error: unknown) => {
    // Else it has got another track meanwhile, or is gone.
    if (over || !isRefusal(error)) return;
    const { onPlaybackBlocked } = options.current;
    if (onPlaybackBlocked) onPlaybackBlocked(withSound);
    else stopWaiting = atNextGesture(element.ownerDocument, withSound);
  });
  return () => {
    over = true;
    stopWaiting();
  };
}

function isRefusal(error: unknown): boolean {
  return error instanceof DOMException && error.name === "NotAllowedError";
}

/** @returns what stops waiting for it */
function atNextGesture(document: Document, act: () => Promise<void>): () => void {
  const stop = (): void => {
    for (const gesture of GESTURES) document.removeEventListener(gesture, attempt, true);
  };
  const attempt = (): void => {
    act().then(stop, () => undefined); // refused again: the next one may do
  };
  for (const gesture of GESTURES) document.addEventListener(gesture, attempt, true);
  return stop;
}
