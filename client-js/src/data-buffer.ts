/** What may wait in the browser's buffer of a data channel: who has come to the high mark waits for the low one. */
export const HIGH_BYTES = 256 * 1024;
export const LOW_BYTES = 64 * 1024;
/** libwebrtc for Node does not tell of every low mark: where a buffer empties fast, it has only seen each small step. */
export const LOOK_AGAIN_MS = 100;
