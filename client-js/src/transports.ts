/** The two media transports of a session, made when they are first needed, and their ICE kept alive. */
import type { Device, types as mediasoup } from "mediasoup-client";
import { isGone, SimplePeerError, toSimplePeerError } from "./errors.js";
import { IceMender } from "./ice-mender.js";
import type { Direction, Metadata, Notifications, Payload, Reply, RequestName, TransportState } from "./types.js";

export type Request = <Name extends RequestName>(name: Name, payload: Payload<Name>) => Promise<Reply<Name>>;

export interface TransportObserver {
  stateChanged(direction: Direction, state: TransportState, reason: string): void;
  /** The server has given the transport up: no ICE restart brings it back. */
  lost(direction: Direction, reason: string): void;
  failed(error: SimplePeerError): void;
}

/** What publications put into a producer's appData, for the `produce` request. */
export interface ProducerIntent extends mediasoup.AppData {
  label: string;
  broadcast: boolean;
  paused: boolean;
  metadata: Metadata;
  /** Of the producer that is to move here from the transport before. */
  producerId?: string;
}

interface Managed {
  transport: mediasoup.Transport;
  mender: IceMender;
  /** The last state told to the observer; two sources report, and each change is told once. */
  state: TransportState;
}

export class Transports {
  readonly #device: Device;
  readonly #request: Request;
  readonly #rtcOptions: Partial<mediasoup.TransportOptions>;
  readonly #observer: TransportObserver;
  readonly #pending = new Map<Direction, Promise<Managed>>();
  readonly #made = new Map<Direction, Managed>();
  #closed = false;

  constructor(
    device: Device,
    request: Request,
    rtcOptions: Partial<mediasoup.TransportOptions>,
    observer: TransportObserver,
  ) {
    this.#device = device;
    this.#request = request;
    this.#rtcOptions = rtcOptions;
    this.#observer = observer;
  }

  /** The transport of that direction; made at the first call, and again at the next if that failed. */
  async get(direction: Direction): Promise<mediasoup.Transport> {
    let pending = this.#pending.get(direction);
    if (!pending) {
      pending = this.#make(direction);
      this.#pending.set(direction, pending);
      pending.catch(() => this.#pending.delete(direction));
    }
    return (await pending).transport;
  }

  /** undefined while nothing has been sent, or received. */
  async stats(direction: Direction): Promise<RTCStatsReport | undefined> {
    return this.#made.get(direction)?.transport.getStats();
  }

  async restartIce(): Promise<void> {
    await Promise.all([...this.#made.values()].map(({ mender }) => mender.restart()));
  }

  serverSaw({ transportId, state, reason }: Notifications["transportStateChange"]): void {
    for (const [direction, managed] of this.#made) {
      if (managed.transport.id !== transportId) continue;
      // The browser tells of progress; of trouble whoever sees it first, and of its end likewise.
      if (state === "new" || state === "connecting") return;
      if (state === "connected" && managed.state !== "disconnected") return;
      this.#changeState(direction, managed, state, reason);
      if (state === "failed" || state === "closed") this.#observer.lost(direction, reason);
    }
  }

  close(): void {
    this.#closed = true;
    for (const { transport, mender } of this.#made.values()) {
      mender.close();
      transport.close();
    }
    this.#made.clear();
  }

  async #make(direction: Direction): Promise<Managed> {
    const offer = await this.#request("createWebRtcTransport", { direction });
    if (this.#closed) throw new SimplePeerError("disconnected", "the session ended while its transport was being made");
    const options = { ...this.#rtcOptions, ...offer };
    const transport =
      direction === "send" ? this.#device.createSendTransport(options) : this.#device.createRecvTransport(options);
    const mender = new IceMender(
      () => this.#restartIce(direction, transport),
      (error) => this.#mendingFailed(error),
    );
    const managed: Managed = { transport, mender, state: "new" };
    this.#made.set(direction, managed);
    this.#wire(direction, managed);
    return managed;
  }

  #wire(direction: Direction, managed: Managed): void {
    const { transport } = managed;
    const transportId = transport.id;
    transport.on("connect", ({ dtlsParameters }, done, failed) => {
      this.#request("connectWebRtcTransport", { transportId, dtlsParameters }).then(() => done(), failed);
    });
    transport.on("produce", ({ kind, rtpParameters, appData }, done, failed) => {
      const intent = appData as ProducerIntent;
      this.#request("produce", { transportId, kind, rtpParameters, ...intent }).then(
        ({ producerId }) => done({ id: producerId }),
        failed,
      );
    });
    transport.on("connectionstatechange", (state) => this.#changeState(direction, managed, state, ""));
  }

  #changeState(direction: Direction, managed: Managed, state: TransportState, reason: string): void {
    if (managed.state === state) return;
    managed.state = state;
    managed.mender.stateChanged(state);
    this.#observer.stateChanged(direction, state, reason);
  }

  async #restartIce(direction: Direction, transport: mediasoup.Transport): Promise<void> {
    try {
      const { iceParameters } = await this.#request("restartIce", { transportId: transport.id });
      await transport.restartIce({ iceParameters });
    } catch (error) {
      if (isGone(error)) this.#observer.lost(direction, "the server has no such transport any longer");
      throw toSimplePeerError(error);
    }
  }

  /** It is tried again; an answer that did not come is what a lost network looks like, and the state tells of that. */
  #mendingFailed(error: unknown): void {
    const { code } = toSimplePeerError(error);
    const expected = this.#closed || code === "not_found" || code === "timeout" || code === "disconnected";
    if (!expected) this.#observer.failed(toSimplePeerError(error));
  }
}
