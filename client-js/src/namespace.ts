/**
 * Leaving the media namespace, so that it can be joined again on the same connection. A server that still has the old
 * membership refuses a new one, or ends both; and a join that is taken back before it is answered is not taken back at
 * the server.
 */
import type { Socket } from "socket.io-client";

// Whatever events the application has typed its socket with: none of ours are among them.
// biome-ignore lint/suspicious/noExplicitAny: Socket's event maps are invariant, so no narrower type takes every socket
export type AnySocket = Socket<any, any>;
type Manager = AnySocket["io"];

export const NAMESPACE = "/simplesfu";

/** For the server to be done with a goodbye. */
const GOODBYE_MS = 300;

const departures = new WeakMap<Manager, { connection: unknown; over: Promise<void> }>();

/** Says goodbye: at once where it is a member, otherwise when it has become one. */
export function depart(namespace: AnySocket): void {
  const { io: manager } = namespace;
  const joining = namespace.active && !namespace.connected && manager.engine?.readyState === "open";
  if (!joining && !namespace.connected) {
    namespace.disconnect();
    return;
  }
  departures.set(manager, { connection: manager.engine, over: goodbye(namespace, joining) });
}

/** undefined when nothing keeps one from joining; else resolves when nothing does. */
export function departure(manager: Manager): Promise<void> | undefined {
  const last = departures.get(manager);
  return last?.connection === manager.engine ? last?.over : undefined;
}

/** Nobody joins on the connection that there is now, until the function that it returns is called. */
export function keepOthersOut(manager: Manager): () => void {
  let letIn = () => {};
  const over = new Promise<void>((resolve) => {
    letIn = resolve;
  });
  const mine = { connection: manager.engine, over };
  departures.set(manager, mine);
  return () => {
    if (departures.get(manager) === mine) departures.delete(manager);
    letIn();
  };
}

async function goodbye(namespace: AnySocket, joining: boolean): Promise<void> {
  const { io: manager } = namespace;
  const { engine } = manager;
  if (joining) {
    await new Promise<void>((resolve) => {
      namespace.once("connect", resolve);
      namespace.once("connect_error", () => resolve());
      engine.once("close", () => resolve());
    });
  }
  namespace.disconnect();
  await new Promise((resolve) => setTimeout(resolve, GOODBYE_MS));
  if (departures.get(manager)?.connection === engine) departures.delete(manager);
}
