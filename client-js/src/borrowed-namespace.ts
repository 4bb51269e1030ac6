/** The `/simplesfu` namespace for a few requests, whether a SimplePeer uses the connection or not. */
import { Deadline } from "./deadline.js";
import { SimplePeerError } from "./errors.js";
import { type AnySocket, depart, departure, keepOthersOut, NAMESPACE } from "./namespace.js";
import type { Request } from "./requests.js";
import { ask, isTaken, refusal } from "./signaling.js";

/**
 * Does it with requests of its own. A SimplePeer that is made meanwhile waits until that is over.
 * @throws SimplePeerError what `act` throws; `disconnected` when there is no connection in time; `refused`
 */
export async function withNamespace<Result>(
  socket: AnySocket,
  timeoutMs: number,
  act: (request: Request) => Promise<Result>,
): Promise<Result> {
  const deadline = new Deadline(timeoutMs);
  await connected(socket, deadline);
  for (let earlier = departure(socket.io); earlier; earlier = departure(socket.io)) await earlier;
  const namespace: AnySocket = socket.io.socket(NAMESPACE);
  const request: Request = (name, payload) => ask(namespace, timeoutMs, name, payload);
  if (isTaken(socket)) {
    await connected(namespace, deadline);
    return act(request);
  }
  const letOthersIn = keepOthersOut(socket.io);
  try {
    if (!namespace.active) namespace.connect(); // a new one has begun by itself
    await connected(namespace, deadline);
    return await act(request);
  } finally {
    depart(namespace); // which keeps others out for a moment more
    letOthersIn();
  }
}

async function connected(socket: AnySocket, deadline: Deadline): Promise<void> {
  if (socket.connected) return;
  let settle = () => {};
  const settled = new Promise<true>((resolve, reject) => {
    const joined = () => resolve(true);
    const failed = (error: Error) => {
      if (!socket.active) reject(refusal(error)); // else the connection's trouble: socket.io goes on trying
    };
    socket.on("connect", joined).on("connect_error", failed);
    settle = () => socket.off("connect", joined).off("connect_error", failed);
  });
  try {
    if (await deadline.within(settled)) return;
  } finally {
    settle();
  }
  throw new SimplePeerError("disconnected", "the socket is not connected", "is the server there? Look at its address");
}
