/**
 * What the two ends of an RTCPeerConnection have to agree on, agreed without glare: W3C's "perfect negotiation", with
 * trickled candidates. One step at a time, each to its end, so that no description meets another half-way.
 */
import { LinkOffer } from "./link-offer.js";
import { Queue } from "./queue.js";

/** Which of its sender's tracks a media section brings. */
export interface NamedSection {
  mid: string;
  producerId: string;
}

export interface NegotiationMessage {
  description?: RTCSessionDescriptionInit;
  /** Beside a description: what its sender sends under it. */
  tracks?: NamedSection[];
  candidate?: RTCIceCandidateInit;
}

export interface NegotiationObserver {
  /** To be carried to the other end, in this order. Resolves when it is on its way, or will never be. */
  say(message: NegotiationMessage): Promise<unknown>;
  /** The sections that this end sends in, as the connection has them now. */
  sections(): NamedSection[];
  /** Both ends have the other's description: these are the sections that the other sends in. */
  agreed(sections: NamedSection[]): void;
  /** The other end does not answer an offer, and as long as it does not there is nothing that could be agreed on. */
  unanswered(): void;
  failed(error: unknown): void;
}

export class Negotiation {
  readonly #connection: RTCPeerConnection;
  /** When offers cross it is the polite one that takes its own back. */
  readonly #polite: boolean;
  readonly #observer: NegotiationObserver;
  readonly #steps = new Queue((error) => this.#failed(error));
  /** The other end's last offer crossed ours, and will be made again; its candidates may fit nothing here. */
  #ignoring = false;
  /** Ours that was made last. */
  #offered: LinkOffer | undefined;

  constructor(connection: RTCPeerConnection, polite: boolean, observer: NegotiationObserver) {
    this.#connection = connection;
    this.#polite = polite;
    this.#observer = observer;
    connection.onnegotiationneeded = () => this.#steps.add(() => this.#offer());
    connection.onicecandidate = ({ candidate }) => {
      if (candidate) void observer.say({ candidate: candidate.toJSON() });
    };
  }

  /** What the other end has said. */
  hear(message: NegotiationMessage): void {
    this.#steps.add(() => this.#take(message));
  }

  close(): void {
    this.#offered?.settle();
  }

  async #offer(): Promise<void> {
    // While an offer is out there is nothing to be done: the need is told again when it has been answered.
    if (this.#connection.signalingState !== "stable") return;
    await this.#connection.setLocalDescription(await this.#connection.createOffer());
    if (this.#isClosed) return;
    this.#offered = new LinkOffer(() => this.#describe(), this.#observer.unanswered);
    void this.#offered.make();
  }

  async #take({ description, tracks = [], candidate }: NegotiationMessage): Promise<void> {
    if (description?.type === "offer") await this.#takeOffer(description, tracks);
    else if (description) await this.#takeAnswer(description, tracks);
    else if (candidate) await this.#takeCandidate(candidate);
  }

  async #takeOffer(offer: RTCSessionDescriptionInit, sections: NamedSection[]): Promise<void> {
    const crossed = this.#connection.signalingState !== "stable";
    this.#ignoring = crossed && !this.#polite;
    if (this.#ignoring) return;
    if (crossed) await this.#takeBack();
    await this.#connection.setRemoteDescription(offer);
    await this.#connection.setLocalDescription(await this.#connection.createAnswer());
    void this.#describe();
    this.#observer.agreed(sections);
  }

  async #takeBack(): Promise<void> {
    await this.#connection.setLocalDescription({ type: "rollback" });
    this.#offered?.settle();
  }

  async #takeAnswer(answer: RTCSessionDescriptionInit, sections: NamedSection[]): Promise<void> {
    if (this.#connection.signalingState !== "have-local-offer") return; // to an offer that was taken back
    await this.#connection.setRemoteDescription(answer);
    this.#offered?.settle();
    this.#observer.agreed(sections);
  }

  async #takeCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    try {
      await this.#connection.addIceCandidate(candidate);
    } catch (error) {
      if (!this.#ignoring) throw error;
    }
  }

  async #describe(): Promise<void> {
    const { localDescription } = this.#connection;
    if (!localDescription) return;
    const { type, sdp } = localDescription;
    await this.#observer.say({ description: { type, sdp }, tracks: this.#observer.sections() });
  }

  #failed(error: unknown): void {
    if (!this.#isClosed) this.#observer.failed(error);
  }

  get #isClosed(): boolean {
    return this.#connection.signalingState === "closed";
  }
}
