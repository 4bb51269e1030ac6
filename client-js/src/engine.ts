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

export interface EngineWatchOptions {
  /** How long the server may take to let those in who ask for it; twice as long after each time that it did not. */
  timeoutMs: number;
  /** Whether somebody who has asked is not let in yet. */
  waiting: () => boolean;
}

/**
 * Interrupts a connection
 * - whose change from polling to WebSocket failed after polling was paused for it: the engine never goes on polling;
 * - on which the server has not answered those who wish to be let in: it may have fallen silent just then.
 * @returns what stops the watching
 */
export function watchEngine(manager: Manager, { timeoutMs, waiting }: EngineWatchOptions): () => void {
  const pausedPolling = new WeakSet<Engine>();
  let limitMs = timeoutMs;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const opened = (): void => {
    const { engine } = manager;
    engine.on("upgrading", () => pausedPolling.add(engine));
    engine.on("upgradeError", () => {
      if (pausedPolling.has(engine) && manager.engine === engine) interrupt(manager);
    });
    timer = setTimeout(letIn, limitMs);
  };
  const letIn = (): void => {
    const isWaiting = waiting();
    limitMs = isWaiting ? 2 * limitMs : timeoutMs;
    if (isWaiting) interrupt(manager);
  };
  const closed = (): void => clearTimeout(timer);

  if (manager.engine?.readyState === "open") opened();
  manager.on("open", opened);
  manager.on("close", closed);
  return () => {
    closed();
    manager.off("open", opened);
    manager.off("close", closed);
  };
}
