/**
 * Finds out which ways media has through the network, by using them: a transport of its own for UDP, for TCP and for
 * TURN, each restricted to that one way, connected as a call's is, and closed again.
 */
import type { Device, types as mediasoup } from "mediasoup-client";
import { withNamespace } from "./borrowed-namespace.js";
import { Deadline, sleep } from "./deadline.js";
import { isGone } from "./errors.js";
import { IceServers } from "./ice-servers.js";
import { type Finding, type NetworkReport, report } from "./network-report.js";
import type { Request } from "./requests.js";
import { makeDevice, type SessionOptions } from "./session.js";
import type { AnySocket } from "./signaling.js";
import type { TransportOffer } from "./types.js";

/** As those of SimplePeer. */
export interface NetworkCheckOptions extends Pick<SessionOptions, "device" | "iceServers"> {
  /** How long each way may take to open. Default: 8 000. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 8_000;
const STATS_MS = 1_000;
const STATS_EVERY_MS = 100;

/** What a transport may use. */
interface Restriction {
  candidates: mediasoup.IceCandidate[];
  iceServers: RTCIceServer[];
  iceTransportPolicy: RTCIceTransportPolicy;
  targets: string[];
}

export async function checkNetwork(
  socket: AnySocket,
  { timeoutMs = TIMEOUT_MS, device: deviceOptions, iceServers: option }: NetworkCheckOptions,
): Promise<NetworkReport> {
  const device = await makeDevice(deviceOptions);
  await device.load({ routerRtpCapabilities: { codecs: [], headerExtensions: [] } }); // no media will be sent
  return withNamespace(socket, timeoutMs, async (request) => {
    const iceServers = await new IceServers(option, await request("getIceServers", {}), request).current();
    const check = (restrict: (offer: TransportOffer) => Restriction) => probe(device, request, timeoutMs, restrict);
    const [udp, tcp, turn] = await Promise.all([
      check(({ iceCandidates }) => directly(iceCandidates, "udp")),
      check(({ iceCandidates }) => directly(iceCandidates, "tcp")),
      check(({ iceCandidates }) => byTurn(iceCandidates, iceServers)),
    ]);
    return report({ udp, tcp, turn });
  });
}

function directly(offered: mediasoup.IceCandidate[], protocol: "udp" | "tcp"): Restriction {
  const candidates = offered.filter((candidate) => candidate.protocol === protocol);
  const targets = candidates.map(({ address, port }) => `${address.includes(":") ? `[${address}]` : address}:${port}`);
  return { candidates, iceServers: [], iceTransportPolicy: "all", targets };
}

function byTurn(offered: mediasoup.IceCandidate[], all: RTCIceServer[]): Restriction {
  const iceServers = all.filter(({ urls }) => [urls].flat().some((url) => url.startsWith("turn")));
  const targets = iceServers.flatMap(({ urls }) => urls);
  return { candidates: targets.length ? offered : [], iceServers, iceTransportPolicy: "relay", targets };
}

async function probe(
  device: Device,
  request: Request,
  timeoutMs: number,
  restrict: (offer: TransportOffer) => Restriction,
): Promise<Finding> {
  const offer = await request("createProbe", {});
  const transportId = offer.id;
  const { candidates, iceServers, iceTransportPolicy, targets } = restrict(offer);
  try {
    if (candidates.length === 0) return { outcome: "none", rttMs: null, targets };
    const transport = device.createSendTransport({
      ...offer,
      iceCandidates: candidates,
      iceServers,
      iceTransportPolicy,
    });
    try {
      return await connect(transport, request, new Deadline(timeoutMs), targets);
    } finally {
      transport.close();
    }
  } finally {
    await request("closeProbe", { transportId }).catch((error: unknown) => {
      if (!isGone(error)) throw error;
    });
  }
}

async function connect(
  transport: mediasoup.Transport,
  request: Request,
  deadline: Deadline,
  targets: string[],
): Promise<Finding> {
  let complaint: Finding["complaint"];
  transport.on("icecandidateerror", ({ errorCode: code, errorText: text, url }) => {
    if (code < 700 || !complaint) complaint = { code, text, url }; // 701 is only "cannot be reached"
  });
  const connected = new Promise<boolean>((resolve, reject) => {
    transport.on("connect", ({ dtlsParameters }, done, failed) => {
      request("connectProbe", { transportId: transport.id, dtlsParameters }).then(done, (error: Error) => {
        failed(error);
        reject(error);
      });
    });
    transport.on("producedata", (_stream, done) => done({ id: transport.id })); // the server is not told: none is used
    transport.on("connectionstatechange", (state) => {
      if (state === "connected") resolve(true);
      else if (state === "failed" || state === "closed") resolve(false);
    });
    transport.produceData({ ordered: false, maxRetransmits: 0 }).catch(reject); // what makes a transport connect
  });
  if (!(await deadline.within(connected))) {
    return { outcome: "silent", rttMs: null, targets, ...(complaint && { complaint }) };
  }
  return { outcome: "connected", targets, ...(await wayOf(transport)) };
}

/** How long the way is, and by which TURN server. The browser's books lag behind what it does. */
async function wayOf(transport: mediasoup.Transport): Promise<{ rttMs: number | null; via?: string }> {
  const deadline = new Deadline(STATS_MS);
  for (;;) {
    const stats = await transport.getStats();
    const pairs = [...stats.values()].filter(({ type }) => type === "candidate-pair");
    const pair = pairs.find(({ currentRoundTripTime }) => currentRoundTripTime !== undefined);
    if (pair || deadline.leftMs === 0) {
      const { url } = stats.get(pair?.localCandidateId) ?? {};
      return { rttMs: pair ? Math.round(pair.currentRoundTripTime * 1000) : null, ...(url && { via: url }) };
    }
    await sleep(STATS_EVERY_MS);
  }
}
