/** The peers in sight, told of once each; and the older ids that some of them were asked for by. */
export class Roster {
  readonly #peerIds = new Set<string>();
  readonly #ownIds = new Map<string, string>();
  readonly #appeared: (peerId: string) => void;
  readonly #vanished: (peerId: string, reason: string) => void;

  constructor(appeared: (peerId: string) => void, vanished: (peerId: string, reason: string) => void) {
    this.#appeared = appeared;
    this.#vanished = vanished;
  }

  get peerIds(): string[] {
    return [...this.#peerIds];
  }

  has(peerId: string): boolean {
    return this.#peerIds.has(peerId);
  }

  /** The server knows a peer by another id of its as well. */
  alias(id: string, peerId: string): void {
    if (id !== peerId) this.#ownIds.set(id, peerId);
  }

  /** The id that a peer is told of by. */
  resolve(id: string): string {
    return this.#ownIds.get(id) ?? id;
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
