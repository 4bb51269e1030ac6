/** The one error that this package rejects and reports with, and all its codes. */

/**
 * Stable names of what can go wrong, each with its cure. Besides these there are the codes of the application's own
 * `authorize`, and those of explain() (see ExplanationCode), with which connectToPeer() rejects.
 */
export type ErrorCode =
  // What the server refuses, and what the client refuses to ask it for.
  /** An argument or a payload does not fit. Cure: the message names the field; correct the call. */
  | "bad_request"
  /** RTP or DTLS parameters make no sense. Cure: load client and server from the same version; report it if they are. */
  | "bad_parameters"
  /** The server knows no such request. Cure: load the client from the server itself, so that their versions agree. */
  | "unknown_request"
  /** Too many requests at once, or per second. Cure: await the promises; ask less often. */
  | "too_many_requests"
  /** It is not there, or not for you: the two look the same. Cure: check the id or the label; share a room with the peer. */
  | "not_found"
  /** There is one already. Cure: use that one; for SimplePeer itself: close() the first one on this connection. */
  | "already_exists"
  /** A transport connects once. Cure: none is needed; report it, since the client sees to that. */
  | "already_connected"
  /** The application's `authorize` said no. Cure: that is its decision; its message says why. */
  | "not_allowed"
  /** The application's `authorize` did not answer in time. Cure: make it quicker; it has 5 s. */
  | "authorization_timeout"
  /** Browser and server have no such codec or feature in common. Cure: choose one of those that the hint names. */
  | "unsupported"
  /** This browser cannot decode that track. Cure: publish in a codec that all viewers have, such as VP8. */
  | "cannot_consume"
  /** A track cannot go on as what would take its place. Cure: none is needed; it is removed and added instead. */
  | "cannot_move"
  /** A limit of the server's. Cure: use less of it, or raise the option that the hint names. */
  | "limit_reached"
  /** You have as many transports as one peer may have. Cure: close what is not used, or raise max_transports_per_peer. */
  | "too_many_transports"
  /** You send as many tracks as one peer may. Cure: remove tracks that nobody needs, or raise max_producers_per_peer. */
  | "too_many_producers"
  /** You receive as many tracks as one peer may. Cure: disconnect from peers that are not watched, or raise max_consumers_per_peer. */
  | "too_many_consumers"
  /** You are in as many rooms as one peer may be. Cure: leave rooms, or raise max_rooms_per_peer. */
  | "too_many_rooms"
  /** You have said as much about other peers as is kept. Cure: take wishes about others back (disconnectFromPeer, resumePeer), or raise max_wishes_per_peer. */
  | "too_many_wishes"
  /** You join rooms more often in a second than a peer may. Cure: join less often, or raise max_joins_per_second. */
  | "too_many_joins"
  /** The room has as many tracks as it may have. Cure: remove tracks from the room, or raise max_producers_per_room. */
  | "too_many_room_producers"
  /** The room has as many peers as it may have. Cure: wait until somebody leaves, take another room, or raise max_peers_per_room. */
  | "room_full"
  /** A track was ended, since you sent far more than you may. Cure: smaller encodings, or raise max_incoming_bitrate_bps or max_room_bitrate_bps. */
  | "too_much_bitrate"
  /** The application has locked the room. Cure: ask again when it is open; lock_room(room, locked=False) opens it. */
  | "room_locked"
  /** The application ended your session. Cure: its message says why; a new SimplePeer starts anew, if it may. */
  | "kicked"
  /** The media namespace without the application's own socket. Cure: connect the main namespace first, with io(). */
  | "no_application_socket"
  /** A mistake of the server's, logged there. Cure: look into its log; ask again. */
  | "internal_error"
  // What goes wrong here.
  /** The server, or the network, was not done in time. Cure: ask again; is the server overloaded or its loop blocked? */
  | "timeout"
  /** The socket is away, or went away before the answer came. Cure: wait for "connectionStateChange", ask again. */
  | "disconnected"
  /** close() was called, or the other side is closing. Cure: make a new SimplePeer if the call is to go on. */
  | "closed"
  /** The server did not let this socket in. Cure: does it have MediaManager(sio)? */
  | "refused"
  /** Page and server are of different generations. Cure: load the client from the server: /socket.io/simple-peer.js. */
  | "protocol_mismatch"
  /** The server answered something that is not in the protocol. Cure: the same versions on both sides. */
  | "bad_answer"
  /** The browser has no usable WebRTC. Cure: a current browser; look for extensions and policies that forbid it. */
  | "webrtc_unsupported"
  /** The page is not https, so the browser keeps WebRTC, cameras and microphones from it. Cure: serve it over https, or from localhost. */
  | "insecure_context"
  /** There is no camera, or no microphone. Cure: plug one in, or capture only what there is. */
  | "no_device"
  /** The browser may not use the camera, the microphone or the screen. Cure: allow it, by the icon beside the address. */
  | "permission_refused"
  /** Camera or microphone cannot be opened: another program may have it. Cure: close that program, or plug the device in again. */
  | "device_busy"
  /** No camera or microphone is as the constraints want it. Cure: ask with `ideal` instead of `exact`. */
  | "device_unsuitable"
  /** The browser shares screens only when somebody has just clicked. Cure: call captureScreen() in the handler of a click. */
  | "needs_gesture"
  /** The browser plays no sound before somebody has clicked. Cure: none is needed after the first click: it plays then by itself. */
  | "playback_blocked"
  /** More data waits to be sent than is kept. Cure: await send() before you send more. */
  | "too_much_data"
  /** Messages for this peer were lost. Cure: what must not be lost is asked for again; look at the network. */
  | "data_lost"
  /** What came over a data channel is no message. Cure: the same versions on both sides. */
  | "bad_data"
  /** There is no direct link to that peer. Cure: a TURN server (iceServers), or the topology "auto", which falls back to the server. */
  | "link_failed"
  /** Whatever else the browser's WebRTC threw; `cause` has it. Cure: depends on that. */
  | "webrtc_error";

/** What explain() gives, and connectToPeer() rejects with: the first broken link from a publisher to a viewer. */
export type ExplanationCode =
  /** Nothing is broken: the track is received and decoded. Cure: if nothing is seen, look at the element it plays in. */
  | "ok"
  /** No such peer in sight. Cure: check the id; share a room with it; it may have left. */
  | "peer_unknown"
  /** The publisher has lost its connection. Cure: wait; it has a grace period to come back in. */
  | "peer_reconnecting"
  /** The publisher has no track of that label. Cure: check the label; it comes by itself when it is added. */
  | "no_such_track"
  /** The publisher holds its track. Cure: it says unmuteTrack(). */
  | "publisher_muted"
  /** The application on the server holds the track. Cure: media.mute(peer, label, muted=False). */
  | "muted_by_server"
  /** The two browsers cannot reach each other. Cure: a TURN server (iceServers); with the topology "auto" media goes by the server then. */
  | "link_failed"
  /** The two browsers are still trying to reach each other. Cure: wait; they give up after 7 s. */
  | "link_connecting"
  /** Nothing comes from the publisher, by UDP or TCP. Cure: its network or firewall; there SimplePeer.checkNetwork(socket) says what to open. */
  | "publisher_transport"
  /** The publisher's connection is there and no packets come. Cure: is its track ended, disabled, a still canvas? */
  | "publisher_silent"
  /** Nobody asked for it. Cure: connectToPeer(). */
  | "not_connected"
  /** The application's `authorize` keeps the track from you. Cure: that is its decision. */
  | "not_allowed"
  /** The application's subscription policy keeps the track from you. Cure: media.reevaluate() when its reasons change. */
  | "held_by_policy"
  /** You paused it. Cure: resumePeer(), for the peer and for the label. */
  | "paused_by_you"
  /** The receiving end is not set up yet. Cure: wait a moment. */
  | "consumer_missing"
  /** Nothing gets through between the server and you, by UDP or TCP. Cure: your network or firewall; SimplePeer.checkNetwork(socket) says what to open. */
  | "viewer_transport"
  /** Packets come, but no picture to begin with. Cure: one has been asked for; a publisher that sends none is stuck. */
  | "no_keyframe"
  /** The server has packets and sends none. Cure: the drops in media.stats() tell why. */
  | "not_forwarded"
  /** What the server sends does not arrive. Cure: the network between you and it. */
  | "no_packets"
  /** Packets come and are not decoded. Cure: lost packets, or a machine with too much to do. */
  | "not_decoded"
  /** The server cannot be asked, and this end knows nothing of the track. Cure: wait until it is back. */
  | "disconnected"
  /** The server does not answer, and this end knows nothing of the track. Cure: is the server's event loop blocked? */
  | "timeout";

export class SimplePeerError extends Error {
  override readonly name = "SimplePeerError";
  /** Stable, for programs. */
  readonly code: ErrorCode | ExplanationCode | (string & {});
  /** What to do about it, for people. May be empty. */
  readonly hint: string;

  constructor(code: string, message: string, hint = "", options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.hint = hint;
  }
}

/** Gives what mediasoup-client and the browser throw a code; leaves our own errors as they are. */
export function toSimplePeerError(error: unknown): SimplePeerError {
  if (error instanceof SimplePeerError) return error;
  const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
  const code = name === "UnsupportedError" || name === "NotSupportedError" ? "unsupported" : "webrtc_error";
  return new SimplePeerError(code, message, "", { cause: error });
}

/** Whether the object spoken of is gone on the server already, so that there is nothing left to undo. */
export function isGone(error: unknown): boolean {
  return error instanceof SimplePeerError && error.code === "not_found";
}
