/** A SimplePeer on real WebRTC and a real socket to a played server; all is closed after each test. */
import { after, afterEach, before } from "node:test";
import type { Socket } from "socket.io-client";
import { SimplePeer, type SimplePeerOptions } from "../../src/simple-peer.js";
import { installNodeWebRtc } from "./media.js";
import { PlayedServer } from "./server.js";
import { nextEvent } from "./wait.js";

export interface Stage {
  readonly server: PlayedServer;
  /** Makes a peer at once; its socket connects meanwhile. */
  newPeer(options?: SimplePeerOptions, socket?: Socket): { peer: SimplePeer; socket: Socket };
  /** Makes a peer and waits until its session is there. */
  readyPeer(options?: SimplePeerOptions): Promise<{ peer: SimplePeer; socket: Socket }>;
}

/** To be called once at the top of a test file. */
export function stage(): Stage {
  const webRtc = installNodeWebRtc();
  const open: { peer: SimplePeer; socket: Socket }[] = [];
  let server: PlayedServer | undefined;

  before(async () => {
    server = await PlayedServer.start();
  });
  afterEach(() => {
    for (const { peer, socket } of open.splice(0)) {
      peer.close();
      socket.disconnect();
    }
    if (server) server.forget();
  });
  after(() => server?.close());

  const theServer = (): PlayedServer => {
    if (!server) throw new Error("only inside a test");
    return server;
  };
  const newPeer = (options: SimplePeerOptions = {}, socket = theServer().socket()) => {
    const peer = new SimplePeer(socket, { ...webRtc, timeoutMs: 3_000, ...options });
    open.push({ peer, socket });
    return { peer, socket };
  };
  return {
    get server() {
      return theServer();
    },
    newPeer,
    readyPeer: async (options) => {
      const made = newPeer(options);
      await nextEvent(made.peer, "connectionStateChange"); // the first tells that the session is there
      return made;
    },
  };
}
