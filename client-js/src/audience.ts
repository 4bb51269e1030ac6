/** Those who listen: events go to listeners, remote tracks also to onTrack, and wait while there is nobody. */
import type { SimplePeerError } from "./errors.js";
import {
  callSafely,
  Emitter,
  type Listener,
  type OnTrack,
  type RemoteTrack,
  type RemovalReason,
  type SimplePeerEvents,
  type Unsubscribe,
} from "./events.js";
import { Mailbox } from "./mailbox.js";

export class Audience {
  readonly #events = new Emitter<SimplePeerEvents>();
  readonly #toOnTrack = new Mailbox<RemoteTrack>(
    () => this.#onTrack !== null,
    (remote) => this.#callOnTrack(remote),
  );
  readonly #toListeners = new Mailbox<RemoteTrack>(
    () => this.#events.hasListeners("track"),
    (remote) => this.#events.emit("track", remote),
  );
  #onTrack: OnTrack | null = null;

  get onTrack(): OnTrack | null {
    return this.#onTrack;
  }

  set onTrack(handler: OnTrack | null) {
    this.#onTrack = handler;
    this.#toOnTrack.takerCame();
  }

  on<Name extends keyof SimplePeerEvents>(name: Name, listener: Listener<SimplePeerEvents[Name]>): Unsubscribe {
    const unsubscribe = this.#events.on(name, listener);
    if (name === "track") this.#toListeners.takerCame();
    return unsubscribe;
  }

  once<Name extends keyof SimplePeerEvents>(name: Name, listener: Listener<SimplePeerEvents[Name]>): Unsubscribe {
    const unsubscribe = this.#events.once(name, listener);
    if (name === "track") this.#toListeners.takerCame();
    return unsubscribe;
  }

  off<Name extends keyof SimplePeerEvents>(name: Name, listener: Listener<SimplePeerEvents[Name]>): void {
    this.#events.off(name, listener);
  }

  /** Not for "track" and "trackRemoved": those have trackAdded() and trackRemoved(). */
  emit<Name extends Exclude<keyof SimplePeerEvents, "track" | "trackRemoved">>(
    name: Name,
    payload: SimplePeerEvents[Name],
  ): void {
    this.#events.emit(name, payload);
  }

  trackAdded(remote: RemoteTrack): void {
    this.#toOnTrack.put(remote);
    this.#toListeners.put(remote);
  }

  trackRemoved(remote: RemoteTrack, reason: RemovalReason): void {
    this.#toOnTrack.withdraw(remote);
    this.#toListeners.withdraw(remote);
    const { track, peerId, label } = remote;
    this.#events.emit("trackRemoved", { track, peerId, label, reason });
  }

  /** What fails with nobody listening is at least to be read on the console. */
  failed(error: SimplePeerError): void {
    if (this.#events.hasListeners("error")) this.#events.emit("error", { error });
    else console.error(`simplesfu: ${error.message}${error.hint && ` (${error.hint})`}`, error);
  }

  /** Nobody hears anything any longer. */
  dismiss(): void {
    this.#events.clear();
    this.#onTrack = null;
    this.#toOnTrack.clear();
    this.#toListeners.clear();
  }

  #callOnTrack({ track, peerId, label, broadcast, metadata }: RemoteTrack): void {
    if (this.#onTrack) callSafely("onTrack", this.#onTrack, track, peerId, { label, peerId, broadcast, metadata });
  }
}
