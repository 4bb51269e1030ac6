import type { Listener, SimplePeerEvents } from "../../src/events.js";
import type { SimplePeer } from "../../src/simple-peer.js";

const LIMIT_MS = 20_000;

/** Polls until `condition` gives something; that is returned. */
export async function until<Value>(
  what: string,
  condition: () => Value | undefined | false | Promise<Value | undefined | false>,
): Promise<Value> {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function nextEvent<Name extends keyof SimplePeerEvents>(
  peer: SimplePeer,
  name: Name,
): Promise<SimplePeerEvents[Name]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited in vain for "${name}"`)), LIMIT_MS);
    const heard: Listener<SimplePeerEvents[Name]> = (payload) => {
      clearTimeout(timer);
      resolve(payload);
    };
    peer.once(name, heard);
  });
}

const NAMES: (keyof SimplePeerEvents)[] = [
  "peerConnection",
  "track",
  "trackMuted",
  "trackUnmuted",
  "trackHeld",
  "trackReleased",
  "trackRemoved",
  "peerDisconnection",
  "trackEnded",
];

/** Writes down what the application hears, in order, as short lines: "track camera", "peerConnection bob". */
export function diary(peer: SimplePeer): string[] {
  const lines: string[] = [];
  for (const name of NAMES) {
    peer.on(name, (payload) => {
      const { label, peerId, reason } = payload as { label?: string; peerId?: string; reason?: string };
      lines.push([name, label ?? peerId, reason].filter(Boolean).join(" "));
    });
  }
  return lines;
}
