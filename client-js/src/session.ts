/**
 * One peer's life on the server: its id, its media transports, its requests. It outlives its socket: while that is
 * away media flows on, and requests wait until the server has resumed the session on another socket, or has not.
 */
import { Device, type types as mediasoup } from "mediasoup-client";
import { SimplePeerError } from "./errors.js";
import { IceServers, type IceServersOption } from "./ice-servers.js";
import { type Request, Requests } from "./requests.js";
import { type TransportObserver, Transports } from "./transports.js";
import type { Topology, Welcome } from "./types.js";

/** How the browser's side of a session is made. */
export interface SessionOptions {
  /** mediasoup-client's choice of a browser handler, where its own detection does not do. */
  device?: mediasoup.DeviceOptions;
  /** STUN and TURN servers in place of those that the server tells of; or a function that is given those. */
  iceServers?: IceServersOption;
  /** "relay": by TURN only, which hides addresses from others and from the server. Default: "all". */
  iceTransportPolicy?: RTCIceTransportPolicy;
}

export class Session {
  readonly peerId: string;
  readonly transports: Transports;
  /** For transports and links alike. */
  readonly iceServers: IceServers;
  readonly iceTransportPolicy: RTCIceTransportPolicy;
  readonly request: Request;
  /** What the server grants. */
  topology: Topology;
  readonly #requests: Requests;
  readonly #routerRtpCapabilities: mediasoup.RtpCapabilities;
  readonly #deviceOptions: mediasoup.DeviceOptions | undefined;
  #device: Device | undefined;
  #closed = false;

  /** `ask` asks once, on the connection of the moment. */
  constructor(
    welcome: Welcome,
    ask: Request,
    timeoutMs: number,
    { device, iceServers, iceTransportPolicy }: SessionOptions,
    observer: TransportObserver,
  ) {
    this.peerId = welcome.peerId;
    this.topology = welcome.topology;
    this.#routerRtpCapabilities = welcome.routerRtpCapabilities;
    this.#deviceOptions = device;
    this.#requests = new Requests(ask, timeoutMs);
    this.request = (name, payload) => this.#requests.request(name, payload);
    this.iceServers = new IceServers(iceServers, welcome, this.request);
    this.iceServers.keepFresh();
    this.iceTransportPolicy = iceTransportPolicy ?? "all";
    this.transports = new Transports(() => this.device, this.request, this, observer);
  }

  /** There once start() is through, and nobody gets a session before that. */
  get device(): Device {
    if (!this.#device) throw new SimplePeerError("disconnected", "the session has not started yet");
    return this.#device;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Tells the server what this browser can receive. */
  async start(): Promise<void> {
    const device = await makeDevice(this.#deviceOptions);
    await device.load({ routerRtpCapabilities: this.#routerRtpCapabilities });
    this.#device = device;
    await this.request("setRtpCapabilities", { rtpCapabilities: device.recvRtpCapabilities });
  }

  /** A connection carries it (again): what was asked and not answered is asked again. */
  resume(): void {
    this.#requests.resume();
  }

  /** Its connection is gone. */
  suspend(): void {
    this.#requests.suspend();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.iceServers.close();
    this.transports.close();
    this.#requests.close(new SimplePeerError("disconnected", "the session ended before that was done"));
  }
}

/** @throws SimplePeerError `insecure_context`, `webrtc_unsupported` */
export async function makeDevice(options: mediasoup.DeviceOptions = {}): Promise<Device> {
  if (!options.handlerFactory && typeof RTCPeerConnection === "undefined") {
    if (globalThis.isSecureContext === false) {
      throw new SimplePeerError(
        "insecure_context",
        "the browser gives WebRTC to secure pages only",
        "serve the page over https, or open it as http://localhost",
      );
    }
    throw new SimplePeerError(
      "webrtc_unsupported",
      "this browser has no WebRTC",
      "use a current Chrome, Edge, Firefox or Safari; an extension or a policy may have switched WebRTC off",
    );
  }
  try {
    return await Device.factory(options);
  } catch (cause) {
    throw new SimplePeerError(
      "webrtc_unsupported",
      "this browser is not known to work",
      'use a current Chrome, Edge, Firefox or Safari; or name a handler: new SimplePeer(socket, {device: {handlerName: "Chrome111"}})',
      { cause },
    );
  }
}
