/**
 * The one error that this package rejects and reports with.
 *
 * Codes of the server (see docs/protocol.md): `bad_request`, `not_found`, `already_exists`, `cannot_consume`, …
 *
 * Codes made here:
 * - `timeout`             the server did not answer in time
 * - `disconnected`        the socket went away and took the answer with it
 * - `closed`              close() was called
 * - `refused`             the server did not let this socket in
 * - `protocol_mismatch`   page and server are of different generations
 * - `bad_answer`          the server answered something that is not in the protocol
 * - `webrtc_unsupported`  the browser has no usable WebRTC
 * - `insecure_context`    the page is not https and the browser therefore keeps WebRTC from it
 * - `unsupported`         this browser and the server have no such codec or feature in common
 * - `webrtc_error`        whatever else the browser's WebRTC threw; `cause` has it
 */
export class SimplePeerError extends Error {
  override readonly name = "SimplePeerError";
  /** Stable, for programs. */
  readonly code: string;
  /** What to do about it, for people. May be empty. */
  readonly hint: string;

  constructor(code: string, message: string, hint = "", options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.hint = hint;
  }
}

/** Gives what mediasoup-client and the browser throw a code; leaves our own errors as they are. */
export function toSimplePeerError(error: unknown): SimplePeerError {
  if (error instanceof SimplePeerError) return error;
  const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
  const code = name === "UnsupportedError" || name === "NotSupportedError" ? "unsupported" : "webrtc_error";
  return new SimplePeerError(code, message, "", { cause: error });
}

/** Whether the object spoken of is gone on the server already, so that there is nothing left to undo. */
export function isGone(error: unknown): boolean {
  return error instanceof SimplePeerError && error.code === "not_found";
}
