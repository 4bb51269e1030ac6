/** One media transport: its requests to the server, its state as both ends see it, its ICE kept alive. */
import type { types as mediasoup } from "mediasoup-client";
import { isGone, toSimplePeerError } from "./errors.js";
import { IceMender } from "./ice-mender.js";
import type { IceServers } from "./ice-servers.js";
import type { Request } from "./requests.js";
import type { Metadata, Notifications, TransportState } from "./types.js";

/** What publications put into a producer's appData, for the `produce` request. */
export interface ProducerIntent extends mediasoup.AppData {
  label: string;
  broadcast: boolean;
  paused: boolean;
  metadata: Metadata;
  /** The producer that is to move here from another transport and live on. */
  producerId?: string;
}

export interface MediaLinkObserver {
  stateChanged(state: TransportState, reason: string): void;
  /** Nothing brings this transport back. */
  lost(reason: string): void;
  /** Something failed that nobody asked for. */
  failed(error: unknown): void;
}

export class MediaLink {
  readonly transport: mediasoup.Transport;
  readonly #request: Request;
  readonly #iceServers: IceServers;
  readonly #observer: MediaLinkObserver;
  readonly #mender: IceMender;
  /** The last state told; two sources report, and each change is told once. */
  #state: TransportState = "new";

  constructor(transport: mediasoup.Transport, request: Request, iceServers: IceServers, observer: MediaLinkObserver) {
    this.transport = transport;
    this.#request = request;
    this.#iceServers = iceServers;
    this.#observer = observer;
    this.#mender = new IceMender(() => this.#restartIce(), {
      givenUp: () => observer.lost("no_network_path"),
      restartFailed: (error) => {
        if (!transport.closed) observer.failed(error);
      },
    });
    this.#wire(transport);
  }

  get state(): TransportState {
    return this.#state;
  }

  restartIce(): Promise<void> {
    return this.#mender.restart();
  }

  /** The browser tells of progress; of trouble whoever sees it first, and of its end likewise. */
  serverSaw({ state, reason }: Notifications["transportStateChange"]): void {
    if (state === "new" || state === "connecting") return;
    if (state === "connected" && this.#state !== "disconnected") return;
    this.#changeState(state, reason);
    if (state === "failed" || state === "closed") this.#observer.lost(reason || state);
  }

  /** Another one takes its place; until then it may bring what it can. */
  stopMending(): void {
    this.#mender.close();
  }

  /** Leaves the server's end alone. */
  close(): void {
    this.#mender.close();
    this.transport.close();
  }

  #wire(transport: mediasoup.Transport): void {
    const transportId = transport.id;
    transport.on("connect", ({ dtlsParameters }, done, failed) => {
      this.#ask(this.#request("connectWebRtcTransport", { transportId, dtlsParameters })).then(() => done(), failed);
    });
    transport.on("produce", ({ kind, rtpParameters, appData }, done, failed) => {
      const intent = appData as ProducerIntent;
      this.#ask(this.#request("produce", { ...intent, transportId, kind, rtpParameters })).then(
        ({ producerId }) => done({ id: producerId }),
        failed,
      );
    });
    transport.on("producedata", ({ sctpStreamParameters, label, protocol, appData }, done, failed) => {
      const stream = { sctpStreamParameters, label: label ?? "", protocol: protocol ?? "" };
      this.#ask(this.#request("produceData", { ...stream, transportId })).then(({ dataProducerId, received }) => {
        Object.assign(appData, { received }); // data-sender.ts needs it, and `done` takes nothing but the id
        done({ id: dataProducerId });
      }, failed);
    });
    transport.on("connectionstatechange", (state) => {
      this.#changeState(state, troubleOf(state));
      if (state === "closed" && !transport.closed) this.#observer.lost("closed_by_browser");
    });
  }

  #changeState(state: TransportState, reason: string): void {
    if (this.#state === state || this.transport.closed) return;
    this.#state = state;
    this.#mender.stateChanged(state);
    this.#observer.stateChanged(state, reason);
  }

  async #restartIce(): Promise<void> {
    const iceServers = await this.#iceServers.current(); // the credentials of those it was made with may be past
    const { iceParameters } = await this.#ask(this.#request("restartIce", { transportId: this.transport.id }));
    if (this.transport.closed) return;
    await this.transport.updateIceServers({ iceServers });
    await this.transport.restartIce({ iceParameters });
  }

  /** These requests name nothing but the transport: what is not found is that. */
  async #ask<Answer>(request: Promise<Answer>): Promise<Answer> {
    try {
      return await request;
    } catch (error) {
      if (isGone(error)) this.#observer.lost("not_found");
      throw toSimplePeerError(error);
    }
  }
}

function troubleOf(state: TransportState): string {
  return state === "disconnected" || state === "failed" ? "no_network_path" : "";
}
