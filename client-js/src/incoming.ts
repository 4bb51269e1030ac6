/** How a track of another peer comes here, whatever carries it. */
import type { Session } from "./session.js";
import type { Carrier, ProducerOffer, TransportState } from "./types.js";

/** One way on which a track comes. */
export interface Incoming {
  readonly carrier: Carrier;
  readonly consumerId: string;
  readonly track: MediaStreamTrack;
  /** It brings nothing any longer. */
  readonly closed: boolean;
  /** Leaves the server's end alone. */
  close(): void;
}

/** What brings tracks. */
export interface IncomingCarrier {
  /**
   * Sets up the receiving end of a track; nothing flows until the server has been told to resume the consumer.
   * @param isWanted false when it is to be given up
   * @param before the way on which it came before, by the same carrier, and which has closed
   * @returns undefined when it is not wanted any longer
   */
  receive(
    session: Session,
    offer: ProducerOffer,
    isWanted: () => boolean,
    before: Incoming | undefined,
  ): Promise<Incoming | undefined>;
  /** Of what that peer's tracks come by; undefined while there is none. */
  state(peerId: string): TransportState | undefined;
  stats(peerId: string): Promise<RTCStatsReport | undefined>;
}

export type IncomingCarriers = Readonly<Record<Carrier, IncomingCarrier>>;
