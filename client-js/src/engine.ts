/** What Socket.IO's engine leaves undone when a connection dies: the rest of the page waits for it up to 45 s. */
import type { AnySocket } from "./namespace.js";

type Manager = AnySocket["io"];
type Engine = Manager["engine"];
/** As it is; socket.io's declarations keep a transport's own events to itself. */
type Emitting = { emit(event: "close", details: { description: string }): unknown };

/** Gives up a connection that nothing comes through; socket.io makes another, for the application too. */
export function interrupt(manager: Manager): void {
  // engine.close() would first wait for what cannot be sent any longer, and transport.close() does nothing to
  // polling that has been paused; this is what the transport itself says when it has been closed
  const transport: Emitting | undefined = manager.engine?.transport;
  transport?.emit("close", { description: "given up" });
}

/**
 * Interrupts connections whose change from polling to WebSocket fails after polling was paused for it: the engine
 * never goes on polling then, and so hears nothing more until its ping is overdue.
 * @returns what stops the watching
 */
export function watchUpgrades(manager: Manager): () => void {
  const upgrading = new WeakSet<Engine>();
  const watch = (): void => {
    const { engine } = manager;
    engine.on("upgrading", () => upgrading.add(engine));
    engine.on("upgradeError", () => {
      if (upgrading.has(engine) && manager.engine === engine) interrupt(manager);
    });
  };
  if (manager.engine?.readyState === "open") watch();
  manager.on("open", watch);
  return () => manager.off("open", watch);
}
