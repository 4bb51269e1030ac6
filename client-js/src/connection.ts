/** One peer's connection to the server, whole: its parts, and which of them hears what from which. */
import type { Audience } from "./audience.js";
import type { SimplePeerError } from "./errors.js";
import { Publications } from "./publications.js";
import { Roster } from "./roster.js";
import { Session, type SessionOptions } from "./session.js";
import { SessionKeeper } from "./session-keeper.js";
import { type AnySocket, Signaling } from "./signaling.js";
import { Subscriptions } from "./subscriptions.js";
import type { NotificationHandlers } from "./types.js";
import { Wishes } from "./wishes.js";

export class Connection {
  readonly keeper: SessionKeeper;
  readonly wishes: Wishes;
  readonly publications: Publications;
  readonly subscriptions: Subscriptions;
  readonly roster: Roster;
  readonly #audience: Audience;
  readonly #signaling: Signaling;
  readonly #options: SessionOptions;

  constructor(socket: AnySocket, timeoutMs: number, options: SessionOptions, audience: Audience) {
    this.#audience = audience;
    this.#options = options;
    const failed = (error: SimplePeerError) => audience.failed(error);
    this.keeper = new SessionKeeper({
      open: () => this.#openSession(),
      opened: (session) => {
        this.publications.republish(session);
        audience.emit("connectionStateChange", { direction: "signaling", state: "connected", reason: "" });
      },
      failed,
      leave: () => this.#signaling.leave(),
      rejoin: () => this.#signaling.rejoin(),
    });
    this.wishes = new Wishes(this.keeper);
    this.publications = new Publications(this.keeper, {
      ended: (label, track) => audience.emit("trackEnded", { label, track }),
      failed,
    });
    this.roster = new Roster(
      (peerId) => audience.emit("peerConnection", { peerId }),
      (peerId, reason) => audience.emit("peerDisconnection", { peerId, reason }),
    );
    this.subscriptions = new Subscriptions(this.keeper, audience);
    this.#signaling = new Signaling(socket, timeoutMs, this.#notificationHandlers(), {
      connected: () => void this.keeper.connected(),
      disconnected: (reason, mayReturn) => this.#sessionLost(reason, mayReturn),
      refused: (error) => this.keeper.refused(error),
    });
  }

  close(): void {
    this.#signaling.close();
    this.publications.close();
    this.keeper.close();
    this.subscriptions.clear("closed");
    this.roster.clear("closed");
  }

  async #openSession(): Promise<Session> {
    const session = await Session.open(this.#signaling, this.#options, {
      stateChanged: (direction, state, reason) => {
        if (state === "connected") this.keeper.healthy();
        this.#audience.emit("connectionStateChange", { direction, state, reason });
      },
      lost: () => this.keeper.startAnew(),
      failed: (error) => this.#audience.failed(error),
    });
    // Before anybody else uses the session: what is published next must be seen in these rooms, and nowhere else.
    await this.wishes.repeat(session, (error) => this.#audience.failed(error));
    return session;
  }

  #sessionLost(reason: string, mayReturn: boolean): void {
    this.keeper.disconnected();
    this.subscriptions.clear("connection_lost");
    this.roster.clear("connection_lost");
    this.#audience.emit("connectionStateChange", { direction: "signaling", state: "disconnected", reason });
    if (!mayReturn) this.keeper.startAnew();
  }

  #notificationHandlers(): NotificationHandlers {
    return {
      peerConnection: ({ peerId }) => this.roster.add(peerId),
      peerDisconnection: ({ peerId, reason }) => {
        this.subscriptions.peerLeft(peerId);
        this.roster.remove(peerId, reason);
      },
      producerAvailable: (offer) => {
        this.roster.add(offer.peerId);
        this.subscriptions.offered(offer);
      },
      producerUnavailable: ({ producerId, reason }) => this.subscriptions.withdrawn(producerId, reason),
      producerPaused: ({ producerId }) => this.subscriptions.setMuted(producerId, true),
      producerResumed: ({ producerId }) => this.subscriptions.setMuted(producerId, false),
      producerMetadata: ({ producerId, metadata }) => this.subscriptions.setMetadata(producerId, metadata),
      consumerHeld: ({ producerId, reason }) => this.subscriptions.setHeld(producerId, reason),
      transportStateChange: (change) => this.keeper.session?.transports.serverSaw(change),
      roomJoined: ({ roomId, peerIds }) => this.#audience.emit("roomJoined", { roomId, peerIds }),
      roomLeft: ({ roomId, reason }) => this.#audience.emit("roomLeft", { roomId, reason }),
      ended: () => undefined,
    };
  }
}
