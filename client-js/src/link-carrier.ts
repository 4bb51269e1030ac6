/** Tracks that come over links, each in a media section of its own. */
import type { Incoming, IncomingCarrier } from "./incoming.js";
import type { Links } from "./links.js";
import type { Session } from "./session.js";
import type { ProducerOffer, TransportState } from "./types.js";

export class LinkCarrier implements IncomingCarrier {
  readonly #links: Links;

  constructor(links: Links) {
    this.#links = links;
  }

  /** A link that was made anew brings what its last connection brought: the server's consumer is the same. */
  async receive(
    session: Session,
    { peerId, producerId }: ProducerOffer,
    isWanted: () => boolean,
    before: Incoming | undefined,
  ): Promise<LinkIncoming | undefined> {
    const consumerId = before?.consumerId ?? (await session.request("consume", { producerId })).consumerId;
    const track = isWanted() && (await this.#links.track(peerId, producerId, isWanted));
    return track && isWanted() ? new LinkIncoming(consumerId, track) : undefined; // the next attempt may have the same
  }

  state(peerId: string): TransportState | undefined {
    return this.#links.state(peerId);
  }

  stats(peerId: string): Promise<RTCStatsReport | undefined> {
    return this.#links.stats(peerId);
  }
}

class LinkIncoming implements Incoming {
  readonly carrier = "mesh";
  readonly consumerId: string;
  readonly track: MediaStreamTrack;

  constructor(consumerId: string, track: MediaStreamTrack) {
    this.consumerId = consumerId;
    this.track = track;
  }

  get closed(): boolean {
    return this.track.readyState === "ended";
  }

  close(): void {
    this.track.stop();
  }
}
