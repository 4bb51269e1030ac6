/** What the application wants of others (rooms, connections, pauses), kept so that it can be said again to a new session. */
import { isGone, type SimplePeerError, toSimplePeerError } from "./errors.js";
import type { Session } from "./session.js";
import type { SessionKeeper } from "./session-keeper.js";

export class Wishes {
  readonly #keeper: SessionKeeper;
  readonly #rooms = new Set<string>();
  readonly #connectedPeers = new Set<string>();
  readonly #pausedPeers = new Set<string>();

  constructor(keeper: SessionKeeper) {
    this.#keeper = keeper;
  }

  async joinRoom(roomId: string): Promise<{ peerIds: string[] }> {
    const { peerIds } = await this.#make(this.#rooms, roomId, (session) => session.request("joinRoom", { roomId }));
    return { peerIds };
  }

  async leaveRoom(roomId: string): Promise<void> {
    await this.#drop(this.#rooms, roomId, (session) => session.request("leaveRoom", { roomId }));
  }

  async connectToPeer(peerId: string): Promise<void> {
    await this.#make(this.#connectedPeers, peerId, (session) => session.request("connectToPeer", { peerId }));
  }

  async disconnectFromPeer(peerId: string): Promise<void> {
    await this.#drop(this.#connectedPeers, peerId, (session) => session.request("disconnectFromPeer", { peerId }));
  }

  async pausePeer(peerId: string): Promise<void> {
    await this.#make(this.#pausedPeers, peerId, (session) => session.request("pausePeer", { peerId }));
  }

  async resumePeer(peerId: string): Promise<void> {
    await this.#drop(this.#pausedPeers, peerId, (session) => session.request("resumePeer", { peerId }));
  }

  /**
   * Says it all again. Rooms come first, since peers are in sight only there; pauses before connections, so that
   * nothing flows that should not. What concerns somebody who is gone is forgotten.
   */
  async repeat(session: Session, failed: (error: SimplePeerError) => void): Promise<void> {
    await this.#repeatEach(this.#rooms, (roomId) => session.request("joinRoom", { roomId }), failed);
    await this.#repeatEach(this.#pausedPeers, (peerId) => session.request("pausePeer", { peerId }), failed);
    await this.#repeatEach(this.#connectedPeers, (peerId) => session.request("connectToPeer", { peerId }), failed);
  }

  /** A wish counts when the server has agreed to it. The answers come in the order asked, so the last one asked wins. */
  async #make<Answer>(wishes: Set<string>, id: string, say: (session: Session) => Promise<Answer>): Promise<Answer> {
    const answer = await this.#keeper.run(say);
    wishes.add(id);
    return answer;
  }

  async #drop(wishes: Set<string>, id: string, say: (session: Session) => Promise<unknown>): Promise<void> {
    try {
      await this.#keeper.run(say);
    } finally {
      wishes.delete(id); // whatever the answer: it must not be said again
    }
  }

  async #repeatEach(
    ids: Set<string>,
    say: (id: string) => Promise<unknown>,
    failed: (error: SimplePeerError) => void,
  ): Promise<void> {
    await Promise.all(
      [...ids].map((id) =>
        say(id).catch((cause: unknown) => {
          const error = toSimplePeerError(cause);
          if (error.code === "disconnected") return; // the next session gets to hear it
          ids.delete(id);
          if (!isGone(error)) failed(error);
        }),
      ),
    );
  }
}
