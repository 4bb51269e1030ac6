/**
 * The direct link with one peer, through all the connections that it takes: opened by one end, given up when it does
 * not come about, mended when it is lost, made anew when it is past mending.
 *
 *     new ──open──▶ connecting ──▶ connected ◀──restarted── disconnected
 *                    │  ▲                                     │
 *        7 s are over│  └──────────────── made anew ──────────┘
 *                    ▼
 *                  failed
 */
import { IceMender } from "./ice-mender.js";
import type { LinkChannels } from "./link-channels.js";
import { LinkConnection, type LinkConnectionObserver } from "./link-connection.js";
import type { LinkSending } from "./link-senders.js";
import type { NegotiationMessage } from "./perfect-negotiation.js";
import type { TransportState } from "./types.js";

/** From the first word to the first packet; who has no way by then has none. */
const CONNECT_MS = 7_000;
/** The other end has closed: the server's word that the peer has left, or of another carrier, may be on its way. */
const GOODBYE_MS = 500;
/** One restart of ICE, and so long for it to work. */
const RESTART_WAITS_MS: readonly number[] = [3_000];
/** Where offers are not answered another connection may help, but not one after the other. */
const RELAPSE_MS = 60_000;

/** What the two ends say to each other; about a connection that has gone it means nothing. */
export interface LinkMessage extends NegotiationMessage {
  linkId: string;
  /** The sender has closed that connection: "lost" asks for another. */
  bye?: "lost" | "done";
}

export interface MeshLinkObserver extends Pick<LinkConnectionObserver, "channelOpened" | "dataCame" | "tracksChanged"> {
  /** Resolves when it is on its way, or will never be. */
  say(message: LinkMessage): Promise<unknown>;
  stateChanged(state: TransportState, reason: string): void;
  failed(error: unknown): void;
}

export class MeshLink {
  /** This end makes the connections; the other one only asks for them, and takes back its offer when two cross. */
  readonly #initiator: boolean;
  readonly #configuration: () => RTCConfiguration;
  readonly #observer: MeshLinkObserver;
  #wanted = false;
  #retiring = false;
  #connection: LinkConnection | undefined;
  #mender: IceMender | undefined;
  #sendings: readonly LinkSending[] = [];
  #state: TransportState = "new";
  #connecting: ReturnType<typeof setTimeout> | undefined;
  #goodbye: ReturnType<typeof setTimeout> | undefined;
  /** When the other end did not answer an offer last. */
  #unansweredAtMs = Number.NEGATIVE_INFINITY;

  /** `configuration` is asked for at each connection, and at each restart of its ICE. */
  constructor(initiator: boolean, configuration: () => RTCConfiguration, observer: MeshLinkObserver) {
    this.#initiator = initiator;
    this.#configuration = configuration;
    this.#observer = observer;
  }

  get state(): TransportState {
    return this.#state;
  }

  /** undefined while there is no connection. */
  get channels(): LinkChannels | undefined {
    return this.#connection?.channels;
  }

  /** What comes over it, by the producer's id. */
  track(producerId: string): MediaStreamTrack | undefined {
    return this.#connection?.tracks.get(producerId);
  }

  /** Again, when it has failed or was closed. */
  open(): void {
    this.#wanted = true;
    this.#retiring = false;
    if (this.#state !== "new" && this.#state !== "failed" && this.#state !== "closed") return;
    if (!this.#initiator && this.#state === "failed") this.#say({ linkId: "", bye: "lost" });
    this.#begin("");
  }

  /** Carries on with what is on it, and is not made anew when that is lost. */
  retire(): void {
    this.#retiring = true;
  }

  /** What this end sends, from now on. */
  send(sendings: readonly LinkSending[]): void {
    this.#sendings = sendings;
    this.#connection?.send(sendings);
  }

  hear({ linkId, bye, ...message }: LinkMessage): void {
    const isOffer = message.description?.type === "offer";
    if (!this.#wanted) return; // it was closed here; what still comes is of before
    if (bye === "lost") this.#otherLost(linkId);
    else if (linkId === this.#connection?.id) this.#hearOf(this.#connection, message, bye);
    else if (isOffer && !this.#initiator) this.#hearOf(this.#answer(linkId), message, bye);
  }

  /** Looks for another way at once; one that has failed is opened again. */
  async restartIce(): Promise<void> {
    if (this.#state === "failed") this.open();
    else await this.#mender?.restart();
  }

  /** What was to be said of that connection cannot be: neither can the same be of another one. */
  unsayable(linkId: string): void {
    if (linkId === this.#connection?.id) this.#despair();
  }

  stats(): Promise<RTCStatsReport> | undefined {
    return this.#connection?.stats();
  }

  close(): void {
    this.#wanted = false;
    if (this.#connection) this.#say({ linkId: this.#connection.id, bye: "done" });
    this.#end("closed", "");
  }

  #otherLost(linkId: string): void {
    if (this.#initiator && (!this.#connection || this.#connection.id === linkId)) this.#begin("made_anew");
  }

  #hearOf(connection: LinkConnection, message: NegotiationMessage, bye?: "done"): void {
    if (bye) this.#otherClosed();
    else connection.hear(message);
  }

  /** Before it had heard that the link is wanted again, unless it leaves, or is about to hear the opposite here. */
  #otherClosed(): void {
    this.#end("closed", "done");
    if (!this.#retiring) this.#goodbye = setTimeout(() => this.#begin("made_anew"), GOODBYE_MS);
  }

  #answer(linkId: string): LinkConnection {
    this.#startConnecting("");
    return this.#connect(linkId);
  }

  #begin(reason: string): void {
    this.#startConnecting(reason);
    if (this.#initiator) this.#connect(newLinkId());
  }

  #startConnecting(reason: string): void {
    clearTimeout(this.#connecting);
    this.#connecting = setTimeout(() => this.#giveUp(), CONNECT_MS);
    this.#tell("connecting", reason);
  }

  #connect(id: string): LinkConnection {
    this.#drop();
    const { channelOpened, dataCame, tracksChanged, failed } = this.#observer;
    const connection = new LinkConnection(id, this.#configuration(), !this.#initiator, {
      channelOpened,
      dataCame,
      tracksChanged,
      failed,
      say: (message) => this.#observer.say({ linkId: id, ...message }),
      unanswered: () => this.#unanswered(),
      stateChanged: (state) => this.#changed(state),
      channelClosed: () => {
        this.#goodbye ??= setTimeout(() => this.#makeAnew(), GOODBYE_MS);
      },
    });
    this.#connection = connection;
    this.#mender = new IceMender(
      async () => connection.restartIce(this.#configuration()),
      { givenUp: () => this.#makeAnew(), restartFailed: failed },
      RESTART_WAITS_MS,
    );
    connection.send(this.#sendings);
    return connection;
  }

  #changed(state: RTCPeerConnectionState): void {
    if (state === "connected") {
      clearTimeout(this.#connecting);
      this.#connecting = undefined;
    } else if (this.#connecting !== undefined) return; // its time is not over
    // "new" is a moment of some libwebrtc's when a section has stopped, "connecting" comes as it is mended; of an end its
    // channels tell.
    if (state === "new" || state === "connecting" || state === "closed") return;
    this.#mender?.stateChanged(state);
    this.#tell(state, state === "connected" ? "" : "no_network_path");
  }

  #makeAnew(): void {
    const lost = this.#connection;
    this.#drop();
    if (this.#retiring) this.#end("closed", "done");
    else if (!this.#initiator && lost) this.#say({ linkId: lost.id, bye: "lost" });
    if (!this.#retiring) this.#begin("no_network_path");
  }

  /** Until then nothing that either end wants to send, or to end, could be agreed on. */
  #unanswered(): void {
    const again = Date.now() - this.#unansweredAtMs < RELAPSE_MS;
    this.#unansweredAtMs = Date.now();
    if (again) this.#despair();
    else this.#makeAnew();
  }

  /** Given up although it is connected; the other end is not heard either until the link is opened again. */
  #despair(): void {
    this.#wanted = false;
    this.#end("failed", "no_answer");
  }

  #giveUp(): void {
    this.#end("failed", this.#connection?.answered ? "no_network_path" : "no_answer");
  }

  #end(state: TransportState, reason: string): void {
    clearTimeout(this.#connecting);
    this.#connecting = undefined;
    this.#drop();
    this.#tell(state, reason);
  }

  #drop(): void {
    clearTimeout(this.#goodbye);
    this.#goodbye = undefined;
    this.#mender?.close();
    this.#connection?.close();
    this.#mender = undefined;
    this.#connection = undefined;
  }

  #say(message: LinkMessage): void {
    void this.#observer.say(message);
  }

  #tell(state: TransportState, reason: string): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#observer.stateChanged(state, reason);
  }
}

/** Tells one connection from the next, and is no secret. */
function newLinkId(): string {
  return Math.random().toString(36).slice(2);
}
