/** Messages that come over the link with one peer: put together, once each, after those that came by the server before. */
import { Assembly, type DataPart, decodePart } from "./data-parts.js";
import type { DataControl } from "./data-route.js";

/** For what the server has on its way here: when nothing has come for so long, it has been lost. */
const WAIT_FOR_SERVER_MS = 4_000;

export interface LinkInboxObserver {
  received(data: string | ArrayBuffer, label: string): void;
  acknowledged(number: number): void;
  /** For the other end, over the reliable channel. */
  say(control: DataControl): void;
  /** Whether that reliable message has come by the server, or a later one. */
  hasCome(number: number): boolean;
}

export class LinkInbox {
  readonly #observer: LinkInboxObserver;
  readonly #reliable = new Assembly();
  readonly #lossy = new Assembly();
  readonly #held: (() => void)[] = [];
  #lastNumber = 0;
  #after: number | undefined;
  #waiting: ReturnType<typeof setTimeout> | undefined;

  constructor(observer: LinkInboxObserver) {
    this.#observer = observer;
  }

  /** @throws RangeError, TypeError, SyntaxError when it is nothing that was to come */
  receive(encoded: ArrayBuffer | string, reliable: boolean): void {
    if (typeof encoded === "string") this.#heed(JSON.parse(encoded));
    else if (reliable) this.#takeReliable(decodePart(encoded));
    else this.#takeLossy(decodePart(encoded));
  }

  /** Something has come by the server. */
  cameByServer(): void {
    if (this.#waits) this.#wait();
    else this.#release();
  }

  close(): void {
    clearTimeout(this.#waiting);
    this.#held.length = 0;
  }

  #takeLossy(part: DataPart): void {
    const data = this.#lossy.add(part);
    if (data !== undefined) this.#observer.received(data, part.label);
  }

  #takeReliable(part: DataPart): void {
    const isNew = part.message > this.#lastNumber; // else it was sent again, and is not needed
    const data = isNew ? this.#reliable.add(part) : undefined;
    if (isNew && data === undefined) return;
    if (data !== undefined) {
      this.#lastNumber = part.message;
      this.#held.push(() => this.#observer.received(data, part.label));
    }
    this.#observer.say({ ack: this.#lastNumber });
    if (!this.#waits) this.#release();
  }

  #heed({ ack, after }: DataControl): void {
    if (ack !== undefined) this.#observer.acknowledged(ack);
    if (typeof after !== "number" || this.#observer.hasCome(after)) return;
    this.#after = after;
    this.#wait();
  }

  get #waits(): boolean {
    return this.#after !== undefined && !this.#observer.hasCome(this.#after);
  }

  #wait(): void {
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => this.#release(), WAIT_FOR_SERVER_MS);
  }

  #release(): void {
    clearTimeout(this.#waiting);
    this.#after = undefined;
    for (const deliver of this.#held.splice(0)) deliver();
  }
}
