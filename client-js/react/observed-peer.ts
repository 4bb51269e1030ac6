/** A SimplePeer that tells when its own tracks may be others than before: there is no event for what one does oneself. */
import { SimplePeer, type SimplePeerOptions } from "simplesfu";

type Socket = ConstructorParameters<typeof SimplePeer>[0];

export class ObservedPeer extends SimplePeer {
  readonly #changed: () => void;

  constructor(socket: Socket, options: SimplePeerOptions, changed: () => void) {
    super(socket, options);
    this.#changed = changed;
  }

  override addTrack(...args: Parameters<SimplePeer["addTrack"]>): Promise<void> {
    return this.#telling(super.addTrack(...args));
  }

  override removeTrack(label: string): Promise<void> {
    return this.#telling(super.removeTrack(label));
  }

  override muteTrack(label: string): Promise<void> {
    return this.#telling(super.muteTrack(label));
  }

  override unmuteTrack(label: string): Promise<void> {
    return this.#telling(super.unmuteTrack(label));
  }

  override setMetadata(...args: Parameters<SimplePeer["setMetadata"]>): Promise<void> {
    return this.#telling(super.setMetadata(...args));
  }

  async #telling(doing: Promise<void>): Promise<void> {
    this.#changed(); // a mute counts at once
    try {
      await doing;
    } finally {
      this.#changed();
    }
  }
}
