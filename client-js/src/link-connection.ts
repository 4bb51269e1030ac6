/** One RTCPeerConnection with another browser: what goes out over it, what comes in, and its state. */
import { LinkChannels, type LinkChannelsObserver } from "./link-channels.js";
import { LinkSenders, type LinkSending } from "./link-senders.js";
import { type NamedSection, Negotiation, type NegotiationMessage } from "./perfect-negotiation.js";

/** One way through the network for everything. */
const BUNDLED: RTCConfiguration = { bundlePolicy: "max-bundle" };

export interface LinkConnectionObserver extends LinkChannelsObserver {
  /** For the other end. Resolves when it is on its way, or will never be. */
  say(message: NegotiationMessage): Promise<unknown>;
  stateChanged(state: RTCPeerConnectionState): void;
  /** Other tracks come than before. */
  tracksChanged(): void;
  /** The other end does not answer what is offered to it. */
  unanswered(): void;
  failed(error: unknown): void;
}

export class LinkConnection {
  /** Which of the connections that the two browsers have had this is. */
  readonly id: string;
  readonly channels: LinkChannels;
  readonly #connection: RTCPeerConnection;
  readonly #negotiation: Negotiation;
  readonly #senders: LinkSenders;
  readonly #observer: LinkConnectionObserver;
  #tracks: ReadonlyMap<string, MediaStreamTrack> = new Map();

  /** Its channels are reason enough for an offer; the end that answers is to be told the offer before anything is wanted of it. */
  constructor(id: string, configuration: RTCConfiguration, polite: boolean, observer: LinkConnectionObserver) {
    this.id = id;
    this.#observer = observer;
    const connection = new RTCPeerConnection({ ...configuration, ...BUNDLED });
    this.#connection = connection;
    this.#senders = new LinkSenders(connection, observer.failed);
    this.#negotiation = new Negotiation(connection, polite, {
      say: observer.say,
      sections: () => this.#senders.sections(),
      agreed: (sections) => this.#agreed(sections),
      unanswered: observer.unanswered,
      failed: observer.failed,
    });
    this.channels = new LinkChannels(connection, observer);
    connection.onconnectionstatechange = () => observer.stateChanged(connection.connectionState);
  }

  /** Whether the other end has answered anything. */
  get answered(): boolean {
    return this.#connection.remoteDescription !== null;
  }

  /** What comes, by its producer's id. */
  get tracks(): ReadonlyMap<string, MediaStreamTrack> {
    return this.#tracks;
  }

  hear(message: NegotiationMessage): void {
    this.#negotiation.hear(message);
  }

  send(sendings: readonly LinkSending[]): void {
    this.#senders.want(sendings);
  }

  restartIce(configuration: RTCConfiguration): void {
    this.#connection.setConfiguration({ ...configuration, ...BUNDLED });
    this.#connection.restartIce();
  }

  stats(): Promise<RTCStatsReport> {
    return this.#connection.getStats();
  }

  close(): void {
    this.#connection.onconnectionstatechange = null;
    this.#negotiation.close();
    this.channels.close();
    this.#connection.close();
    for (const track of this.#tracks.values()) track.stop(); // those of a closed connection stay "live" in some browsers
  }

  #agreed(sections: NamedSection[]): void {
    const transceivers = this.#connection.getTransceivers();
    const received = sections.flatMap(({ mid, producerId }): [string, MediaStreamTrack][] => {
      const transceiver = transceivers.find((each) => each.mid === mid);
      return transceiver ? [[producerId, transceiver.receiver.track]] : [];
    });
    this.#tracks = new Map(received);
    this.#observer.tracksChanged();
  }
}
