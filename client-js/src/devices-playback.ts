/** Sound that the browser does not play before somebody has clicked on the page, and that plays as soon as one has. */
import { SimplePeerError, toSimplePeerError } from "./errors.js";

/** What counts as a gesture: the end of a touch, the beginning of a click. */
const GESTURES = ["pointerdown", "pointerup", "keydown"] as const;

const waiting = new Set<HTMLMediaElement>();

/** @throws SimplePeerError, see SimplePeer.play() */
export async function play(element: HTMLMediaElement): Promise<void> {
  try {
    await element.play();
    forget(element);
  } catch (error) {
    if (!(error instanceof Error && error.name === "NotAllowedError")) throw toSimplePeerError(error);
    listen();
    waiting.add(element);
    throw new SimplePeerError(
      "playback_blocked",
      "the browser plays no sound before somebody has clicked on the page",
      "say so and offer a button: with the first click, touch or key on the page it plays by itself",
      { cause: error },
    );
  }
}

function listen(): void {
  if (waiting.size > 0) return;
  for (const gesture of GESTURES) document.addEventListener(gesture, playAll, { capture: true });
}

function playAll(): void {
  for (const element of waiting) {
    element.play().then(
      () => forget(element),
      (error: unknown) => {
        if (error instanceof Error && error.name !== "NotAllowedError") forget(element); // it has nothing to play
      },
    );
  }
}

function forget(element: HTMLMediaElement): void {
  if (!waiting.delete(element) || waiting.size > 0) return;
  for (const gesture of GESTURES) document.removeEventListener(gesture, playAll, { capture: true });
}
