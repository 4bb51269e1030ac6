/** One peer's connection to the server, whole: its parts, and which of them hears what from which. */
import type { Audience } from "./audience.js";
import { Data } from "./data.js";
import { findEndReason } from "./devices-end.js";
import type { SimplePeerError } from "./errors.js";
import { Explainer } from "./explainer.js";
import { FirstTrack } from "./first-track.js";
import { LinkCarrier } from "./link-carrier.js";
import { Links } from "./links.js";
import { Publications } from "./publications.js";
import { Reconciler } from "./reconciler.js";
import { Roster } from "./roster.js";
import { RouterCarrier } from "./router-carrier.js";
import { type KeeperOptions, SessionKeeper } from "./session-keeper.js";
import { type AnySocket, fromWire } from "./signaling.js";
import { Subscriptions } from "./subscriptions.js";
import type { Direction, NotificationHandlers, TransportState } from "./types.js";
import { Wishes } from "./wishes.js";

export interface ConnectionOptions extends KeeperOptions {
  /** How often what is believed here is compared with what the server has. 0: never. Default: 60 000. */
  reconcileMs?: number;
}

export class Connection {
  readonly keeper: SessionKeeper;
  readonly wishes: Wishes;
  readonly publications: Publications;
  readonly subscriptions: Subscriptions;
  readonly roster: Roster;
  readonly links: Links;
  readonly data: Data;
  readonly explainer: Explainer;
  readonly firstTrack: FirstTrack;
  readonly #audience: Audience;
  readonly #reconciler: Reconciler;
  readonly #handlers = this.#notificationHandlers();

  constructor(socket: AnySocket, options: ConnectionOptions, audience: Audience) {
    this.#audience = audience;
    const failed = (error: SimplePeerError) => audience.failed(error);
    this.keeper = new SessionKeeper(
      socket,
      options,
      {
        wantsData: () => this.data.listening,
        // Before anybody else uses the session: what is published next must be seen in these rooms, and nowhere else.
        fitOut: async (session) => {
          await this.wishes.sayAll(session, failed);
          await session.request("enter", {});
        },
        opened: (session) => {
          this.publications.republish(session);
          this.data.opened(session);
          this.#tellSignaling("connected", "new_session");
        },
        resumed: (session, snapshot) => {
          if (snapshot) this.#reconciler.apply(session, snapshot);
          this.#tellSignaling("connected", "resumed");
        },
        suspended: (reason) => this.#tellSignaling("disconnected", reason),
        ended: (reason) => {
          this.subscriptions.clear(reason);
          this.links.clear();
          this.data.clearLinks();
          this.roster.clear(reason);
        },
        missed: () => this.#reconciler.soon(),
        notified: (event, payload) => this.#notified(event, payload),
        failed,
      },
      {
        stateChanged: (direction, state, reason) => {
          if (state === "connected") this.keeper.healthy();
          audience.emit("connectionStateChange", { direction, state, reason });
        },
        rebuilt: (direction) => this.#moveAll(direction),
        failed,
      },
    );
    this.wishes = new Wishes(this.keeper);
    this.publications = new Publications(this.keeper, {
      ended: async (label, track) => audience.emit("trackEnded", { label, track, reason: await findEndReason(track) }),
      changed: () => this.links.sendAll(),
      failed,
    });
    this.roster = new Roster(
      (peerId) => audience.emit("peerConnection", { peerId }),
      (peerId, reason) => {
        this.data.peerLeft(peerId);
        audience.emit("peerDisconnection", { peerId, reason });
      },
    );
    this.links = new Links({
      session: () => this.keeper.session,
      source: (producerId) => this.publications.source(producerId),
      receives: (peerId) => this.subscriptions.of(peerId).some(({ incoming }) => incoming?.carrier === "mesh"),
      carrierChanged: ({ peerId, carrier, reason }) => audience.emit("carrierChange", { peerId, carrier, reason }),
      stateChanged: (peerId, state, reason) =>
        audience.emit("connectionStateChange", { direction: "mesh", peerId, state, reason }),
      dataChanged: (peerId) => this.data.linkChanged(peerId),
      dataCame: (peerId, encoded, reliable) => this.data.linkBrought(peerId, encoded, reliable),
      sendsData: (peerId) => this.data.isOnLink(peerId),
      lost: (peerId) =>
        this.subscriptions
          .of(peerId)
          .filter(({ incoming }) => incoming?.carrier === "mesh" && incoming.closed)
          .map(({ offer }) => offer.producerId),
      madeAnew: () => void this.subscriptions.receiveAnew("mesh"),
      failed,
    });
    this.subscriptions = new Subscriptions(this.keeper, audience, {
      carriers: { sfu: new RouterCarrier(() => this.keeper.session), mesh: new LinkCarrier(this.links) },
      isPausedHere: ({ peerId, label }) => this.wishes.isPaused(peerId, label),
    });
    this.explainer = new Explainer(this, this.keeper.timeoutMs);
    this.firstTrack = new FirstTrack(this, this.explainer, this.keeper.timeoutMs);
    this.data = new Data(this.keeper, this.links, this.roster, {
      received: (message) => audience.emit("data", message),
      failed,
    });
    this.#reconciler = new Reconciler(this, options.reconcileMs, failed);
  }

  close(): void {
    this.#reconciler.close();
    this.publications.close();
    this.links.clear();
    this.data.close();
    this.keeper.close();
    this.subscriptions.clear("closed");
    this.roster.clear("closed");
  }

  /** What hung on a transport that was lost goes to the one in its place. */
  async #moveAll(direction: Direction): Promise<void> {
    const session = this.keeper.session;
    await Promise.all([
      direction === "recv" ? this.subscriptions.receiveAnew("sfu") : session && this.publications.sendAnew(session),
      session && this.data.moveAll(session, direction),
    ]);
  }

  #tellSignaling(state: TransportState, reason: string): void {
    this.#audience.emit("connectionStateChange", { direction: "signaling", state, reason });
  }

  #notified(event: string, payload: unknown): void {
    const handlers: { [event: string]: ((payload: never) => void) | undefined } = this.#handlers;
    handlers[event]?.(payload as never);
  }

  #notificationHandlers(): NotificationHandlers {
    return {
      peerConnection: ({ peerId }) => this.roster.add(peerId),
      peerDisconnection: ({ peerId, reason }) => {
        this.subscriptions.peerLeft(peerId);
        this.links.peerLeft(peerId);
        this.roster.remove(peerId, reason);
      },
      producerAvailable: (offer) => {
        this.roster.add(offer.peerId);
        this.subscriptions.offered(offer);
      },
      producerUnavailable: ({ producerId, reason }) => this.subscriptions.withdrawn(producerId, reason),
      producerClosed: ({ producerId, reason }) => this.publications.closed(producerId, reason),
      producerPaused: ({ producerId }) => this.subscriptions.setMuted(producerId, true),
      producerResumed: ({ producerId }) => this.subscriptions.setMuted(producerId, false),
      producerMetadata: ({ producerId, metadata }) => this.subscriptions.setMetadata(producerId, metadata),
      consumerHeld: ({ producerId, reason }) => this.subscriptions.setHeld(producerId, reason),
      carrierChange: (change) => {
        this.roster.add(change.peerId);
        this.links.carrierChanged(change);
      },
      carriageChange: ({ producerId, sfu }) => this.publications.setRouted(producerId, sfu),
      signal: (signal) => this.links.signalled(signal),
      linkConsumer: (consumer) => this.links.consumerTold(consumer),
      linkConsumerClosed: (closed) => this.links.consumerClosed(closed),
      transportStateChange: (change) => this.keeper.session?.transports.serverSaw(change),
      dataConsumerClosed: ({ dataConsumerId, reason }) => this.data.consumerClosed(dataConsumerId, reason),
      dataProducerClosed: ({ dataProducerId }) => this.data.producerClosed(dataProducerId),
      dataClosed: ({ label }) => this.data.labelClosed(label),
      roomJoined: ({ roomId, peerIds }) => this.#audience.emit("roomJoined", { roomId, peerIds }),
      roomLeft: ({ roomId, reason }) => {
        this.wishes.roomTaken(roomId);
        this.#audience.emit("roomLeft", { roomId, reason });
      },
      ended: (told) => {
        const error = fromWire(told);
        this.keeper.dismissed(error);
        this.#audience.emit("ended", { error });
      },
    };
  }
}
