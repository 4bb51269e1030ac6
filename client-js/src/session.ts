/**
 * One life of the connection: from the server's hello to the loss of the socket. It never comes back; the next
 * connection is another session.
 */
import { Device, type types as mediasoup } from "mediasoup-client";
import { SimplePeerError } from "./errors.js";
import type { Signaling } from "./signaling.js";
import { type Request, type TransportObserver, Transports } from "./transports.js";
import { PROTOCOL_VERSION } from "./types.js";

/** How the browser's side of a session is made. */
export interface SessionOptions {
  /** mediasoup-client's choice of a browser handler, where its own detection does not do. */
  device?: mediasoup.DeviceOptions;
  /** TURN servers for networks that let no UDP out. STUN is not needed: the server's address is public. */
  iceServers?: RTCIceServer[];
  iceTransportPolicy?: RTCIceTransportPolicy;
}

export class Session {
  readonly peerId: string;
  readonly device: Device;
  readonly transports: Transports;
  readonly request: Request;
  #closed = false;

  /** Greets the server and tells it what this browser can receive. */
  static async open(signaling: Signaling, options: SessionOptions, observer: TransportObserver): Promise<Session> {
    const device = await makeDevice(options.device);
    const request: Request = (name, payload) => signaling.request(name, payload);
    const { peerId, protocol, routerRtpCapabilities } = await request("hello", {});
    if (protocol !== PROTOCOL_VERSION) throw protocolMismatch(protocol);
    await device.load({ routerRtpCapabilities });
    await request("setRtpCapabilities", { rtpCapabilities: device.recvRtpCapabilities });
    return new Session(peerId, device, request, options, observer);
  }

  private constructor(
    peerId: string,
    device: Device,
    request: Request,
    { iceServers, iceTransportPolicy }: SessionOptions,
    observer: TransportObserver,
  ) {
    this.peerId = peerId;
    this.device = device;
    this.request = request;
    const rtcOptions = { ...(iceServers && { iceServers }), ...(iceTransportPolicy && { iceTransportPolicy }) };
    this.transports = new Transports(device, request, rtcOptions, observer);
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
    this.transports.close();
  }
}

async function makeDevice(options: mediasoup.DeviceOptions = {}): Promise<Device> {
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

function protocolMismatch(protocol: unknown): SimplePeerError {
  return new SimplePeerError(
    "protocol_mismatch",
    `the server speaks protocol ${String(protocol)}, this client ${PROTOCOL_VERSION}`,
    'load the client from the server itself: <script src="/socket.io/simple-peer.js">',
  );
}
