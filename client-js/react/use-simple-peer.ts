import { useCallback, useEffect, useRef, useSyncExternalStore } from "react";
import type { SimplePeerOptions } from "simplesfu";
import { type Call, callStore, NO_CALL, type Socket } from "./call-store.js";

export type SimplePeerSocket = Socket;

/** Those of SimplePeer are read when the peer is made: when the first component uses the socket. */
export interface SimplePeerHookOptions extends SimplePeerOptions {
  /**
   * The room to be in while the component is mounted. Another value changes rooms; undefined: none. Components that want
   * the same room share it as they do the peer: it is left with the last of them.
   */
  room?: string | undefined;
}

const UNSUBSCRIBED = (): void => {};
const noCall = (): Call => NO_CALL;

/**
 * The call over a socket, as state. All components that use the same socket share one SimplePeer; it is closed when the
 * last of them is unmounted. The socket stays yours.
 *
 * @param socket of socket.io-client 4; null while there is none
 */
export function useSimplePeer(socket: Socket | null | undefined, options: SimplePeerHookOptions = {}): Call {
  const { room, ...peerOptions } = options;
  const latest = useRef<SimplePeerOptions>(peerOptions);
  useEffect(() => {
    latest.current = peerOptions;
  });

  const store = socket ? callStore(socket) : undefined;
  const subscribe = useCallback(
    (listener: () => void) => store?.subscribe(listener, latest.current) ?? UNSUBSCRIBED,
    [store],
  );
  const call = useSyncExternalStore(subscribe, store?.getSnapshot ?? noCall, noCall);

  const { peer } = call;
  useEffect(() => (peer && room !== undefined ? store?.wantRoom(room) : undefined), [peer, store, room]);
  return call;
}
