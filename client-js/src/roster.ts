/** The peers in sight, told of once each. */
export class Roster {
  readonly #peerIds = new Set<string>();
  readonly #appeared: (peerId: string) => void;
  readonly #vanished: (peerId: string, reason: string) => void;

  constructor(appeared: (peerId: string) => void, vanished: (peerId: string, reason: string) => void) {
    this.#appeared = appeared;
    this.#vanished = vanished;
  }

  get peerIds(): string[] {
    return [...this.#peerIds];
  }

  add(peerId: string): void {
    if (this.#peerIds.has(peerId)) return;
    this.#peerIds.add(peerId);
    this.#appeared(peerId);
  }

  remove(peerId: string, reason: string): void {
    if (this.#peerIds.delete(peerId)) this.#vanished(peerId, reason);
  }

  clear(reason: string): void {
    for (const peerId of this.#peerIds) this.remove(peerId, reason);
  }
}
