/** Tracks that come from the server's router, each by a consumer on the one receiving transport. */
import type { types as mediasoup } from "mediasoup-client";
import type { Incoming, IncomingCarrier } from "./incoming.js";
import type { Session } from "./session.js";
import type { ProducerOffer, TransportState } from "./types.js";

export class RouterCarrier implements IncomingCarrier {
  readonly #session: () => Session | undefined;

  constructor(session: () => Session | undefined) {
    this.#session = session;
  }

  /** The server's consumer is paused until this end is set up: the first keyframe must not be lost. */
  receive(
    session: Session,
    { producerId }: ProducerOffer,
    isWanted: () => boolean,
  ): Promise<RouterIncoming | undefined> {
    return session.transports.run("recv", async (transport) => {
      if (!isWanted()) return undefined;
      const answer = await session.request("consume", { transportId: transport.id, producerId });
      const { consumerId: id, kind, rtpParameters } = answer;
      if (!isWanted() || !rtpParameters) return undefined;
      const incoming = new RouterIncoming(await transport.consume({ id, producerId, kind, rtpParameters }));
      if (isWanted()) return incoming;
      incoming.close();
      return undefined;
    });
  }

  state(): TransportState | undefined {
    return this.#session()?.transports.state("recv");
  }

  async stats(): Promise<RTCStatsReport | undefined> {
    return this.#session()?.transports.stats("recv");
  }
}

class RouterIncoming implements Incoming {
  readonly carrier = "sfu";
  readonly #consumer: mediasoup.Consumer;

  constructor(consumer: mediasoup.Consumer) {
    this.#consumer = consumer;
  }

  get consumerId(): string {
    return this.#consumer.id;
  }

  get track(): MediaStreamTrack {
    return this.#consumer.track;
  }

  get closed(): boolean {
    return this.#consumer.closed;
  }

  close(): void {
    this.#consumer.close();
  }
}
