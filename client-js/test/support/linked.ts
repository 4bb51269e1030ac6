/** Two ends of a link in one process, and the relay between them, which a test may bend. */
import { type LinkMessage, MeshLink } from "../../src/mesh-link.js";
import { installNodeWebRtc } from "./media.js";

installNodeWebRtc();
const { RTCPeerConnection } = globalThis;
globalThis.RTCPeerConnection = new Proxy(RTCPeerConnection, {
  construct: (target, [configuration]) => {
    const connection = new target(configuration);
    connections.push(connection);
    return connection;
  },
});

export class LinkEnd {
  readonly link: MeshLink;
  readonly states: string[] = [];
  readonly said: LinkMessage[] = [];
  readonly heard: unknown[] = [];
  readonly failures: unknown[] = [];
  /** How many times other tracks came than before. */
  changes = 0;
  other: LinkEnd | undefined;
  /** Hears what comes over its channels, and that the link is not as it was. */
  onData: (came: ArrayBuffer | string) => void = (came) => this.heard.push(came);
  onChange: () => void = () => undefined;
  /** How messages get to the other end. */
  carry: (message: LinkMessage) => void = (message) => void this.#carry(message);
  /** What becomes of a message on its way; undefined: it is lost. */
  bend: (message: LinkMessage) => LinkMessage | undefined = (message) => message;

  constructor(initiator: boolean, configuration: RTCConfiguration = {}) {
    this.link = new MeshLink(initiator, () => configuration, {
      say: async (message) => {
        this.said.push(message);
        this.carry(message);
      },
      stateChanged: (state, reason) => {
        this.states.push([state, reason].filter(Boolean).join(" "));
        this.onChange();
      },
      tracksChanged: () => this.changes++,
      channelOpened: () => this.onChange(),
      dataCame: (encoded) => this.onData(encoded),
      failed: (error) => this.failures.push(error),
    });
  }

  get state(): string {
    return this.link.state;
  }

  async #carry(message: LinkMessage): Promise<void> {
    const carried = this.bend(JSON.parse(JSON.stringify(message)));
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (carried) this.other?.link.hear(carried);
  }
}

/** All connections that were ever made here, the newest last. */
export const connections: RTCPeerConnection[] = [];

/** The first one makes the connections. */
export function linkedPair(configuration: RTCConfiguration = {}): [LinkEnd, LinkEnd] {
  const pair: [LinkEnd, LinkEnd] = [new LinkEnd(true, configuration), new LinkEnd(false, configuration)];
  [pair[0].other, pair[1].other] = [pair[1], pair[0]];
  return pair;
}

/** No network between them any longer: their candidates lead nowhere, and what there is is cut. */
export function sdpWithoutCandidates(message: LinkMessage): LinkMessage | undefined {
  if (message.candidate) return undefined;
  const { description } = message;
  if (!description?.sdp) return message;
  return { ...message, description: { ...description, sdp: description.sdp.replace(/^a=candidate:.*\r\n/gm, "") } };
}
