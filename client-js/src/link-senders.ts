/** What one connection sends: told what is wanted, it makes its transceivers so, one media section for each track. */
import { type LinkLimits, linkEncoding, preferCodec } from "./link-encoding.js";
import type { NamedSection } from "./perfect-negotiation.js";
import { type PublishOptions, preferDegradation } from "./publish-options.js";
import { Queue } from "./queue.js";

/** A track of ours that a peer is to get. */
export interface LinkSending {
  /** The peer's own name for what it gets; another one needs a section of its own. */
  readonly consumerId: string;
  readonly producerId: string;
  readonly track: MediaStreamTrack;
  /** Nothing of it leaves this machine for now. */
  readonly paused: boolean;
  readonly options: PublishOptions;
  readonly limits: LinkLimits;
}

interface Sender {
  readonly consumerId: string;
  readonly transceiver: RTCRtpTransceiver;
  /** As it was set last. */
  encoding: string;
}

export class LinkSenders {
  readonly #connection: RTCPeerConnection;
  /** One for all, so that the other browser keeps sound and picture in step. */
  readonly #stream = new MediaStream();
  readonly #byProducer = new Map<string, Sender>();
  readonly #steps: Queue;
  #wanted: readonly LinkSending[] = [];

  constructor(connection: RTCPeerConnection, failed: (error: unknown) => void) {
    this.#connection = connection;
    this.#steps = new Queue((error) => {
      if (connection.signalingState !== "closed") failed(error);
    });
  }

  /** These, and no others. */
  want(sendings: readonly LinkSending[]): void {
    this.#wanted = sendings;
    this.#steps.add(() => this.#settle());
  }

  sections(): NamedSection[] {
    return [...this.#byProducer].flatMap(([producerId, { transceiver }]) => {
      const { mid } = transceiver;
      return mid === null ? [] : { mid, producerId };
    });
  }

  async #settle(): Promise<void> {
    const wanted = new Map(this.#wanted.map((sending) => [sending.producerId, sending]));
    for (const [producerId, { transceiver, consumerId }] of this.#byProducer) {
      // Who has closed a consumer has stopped the section's track for ever: another consumer would get nothing by it.
      if (wanted.get(producerId)?.consumerId === consumerId) continue;
      this.#byProducer.delete(producerId);
      transceiver.stop();
    }
    for (const [producerId, sending] of wanted) {
      const sender = this.#byProducer.get(producerId);
      await (sender ? this.#adjust(sender, sending) : this.#begin(sending));
    }
  }

  async #begin({ consumerId, producerId, track, paused, options, limits }: LinkSending): Promise<void> {
    const encoding = linkEncoding(track, options, limits);
    const transceiver = this.#connection.addTransceiver(paused ? track.kind : track, {
      direction: "sendonly",
      streams: [this.#stream],
      sendEncodings: [encoding],
    });
    this.#byProducer.set(producerId, { consumerId, transceiver, encoding: JSON.stringify(encoding) });
    preferCodec(transceiver, track.kind, options.codec);
    await preferDegradation(transceiver.sender, options);
  }

  async #adjust(sender: Sender, { track, paused, options, limits }: LinkSending): Promise<void> {
    const { sender: rtpSender } = sender.transceiver;
    const given = paused ? null : track;
    if (rtpSender.track !== given) await rtpSender.replaceTrack(given);
    const encoding = linkEncoding(track, options, limits);
    if (sender.encoding === JSON.stringify(encoding)) return;
    sender.encoding = JSON.stringify(encoding);
    await setEncoding(rtpSender, encoding);
  }
}

/** What the new one does not limit is not limited any longer. */
async function setEncoding(sender: RTCRtpSender, encoding: RTCRtpEncodingParameters): Promise<void> {
  const parameters = sender.getParameters();
  const { maxBitrate, maxFramerate, scaleResolutionDownBy, ...kept } = parameters.encodings[0] ?? {};
  await sender.setParameters({ ...parameters, encodings: [{ ...kept, ...encoding }] });
}
