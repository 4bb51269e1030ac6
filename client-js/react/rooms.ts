/** The rooms that components want to be in. Several may want the same one: it is left with the last of them. */
import type { SimplePeer, SimplePeerError } from "simplesfu";

/** Of leaving: the peer went with its component, or the server was quicker. */
const LEFT = new Set<string>(["closed", "not_found"]);

export class Rooms {
  readonly #peer: SimplePeer;
  readonly #failed: (error: SimplePeerError) => void;
  /** How many want each. */
  readonly #wanted = new Map<string, number>();
  /** Wanted by another one since the last change was told. */
  readonly #fresh = new Set<string>();
  /** Those that the peer has been told to join; false: in vain, or it has been taken out since. */
  readonly #told = new Map<string, boolean>();
  #telling = false;

  constructor(peer: SimplePeer, failed: (error: SimplePeerError) => void) {
    this.#peer = peer;
    this.#failed = failed;
    peer.on("roomLeft", ({ roomId }) => this.#takenBack(roomId));
  }

  /** @returns what takes it back */
  want(roomId: string): () => void {
    this.#wanted.set(roomId, (this.#wanted.get(roomId) ?? 0) + 1);
    this.#fresh.add(roomId);
    this.#tellSoon();
    return () => {
      const others = (this.#wanted.get(roomId) ?? 0) - 1;
      if (others > 0) this.#wanted.set(roomId, others);
      else this.#wanted.delete(roomId);
      this.#tellSoon();
    };
  }

  /** Not at once: in StrictMode, and where a component moves, what is taken back is wanted again in the same breath. */
  #tellSoon(): void {
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      this.#tell();
    });
  }

  /** Leaves before it joins: one may be allowed a single room, and what is sent next must not be seen in the last one. */
  #tell(): void {
    for (const roomId of [...this.#told.keys()]) if (!this.#wanted.has(roomId)) this.#leave(roomId);
    for (const roomId of this.#fresh) if (this.#wanted.has(roomId) && !this.#told.get(roomId)) this.#join(roomId);
    this.#fresh.clear();
  }

  #join(roomId: string): void {
    this.#told.set(roomId, true);
    this.#peer.joinRoom(roomId).catch((error: SimplePeerError) => {
      this.#takenBack(roomId);
      if (error.code !== "closed") this.#failed(error);
    });
  }

  #leave(roomId: string): void {
    this.#told.delete(roomId);
    this.#peer.leaveRoom(roomId).catch((error: SimplePeerError) => {
      if (!LEFT.has(error.code)) this.#failed(error);
    });
  }

  #takenBack(roomId: string): void {
    if (this.#told.has(roomId)) this.#told.set(roomId, false);
  }
}
