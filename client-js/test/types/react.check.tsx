/** Never run: the types of `simplesfu/react`, checked as those of client.check.ts are. */
import { createRef } from "react";
import type { LocalTrack, SimplePeer, SimplePeerError } from "simplesfu";
import { type Call, PeerAudio, type PeerTrack, PeerVideo, useLocalTrack, useSimplePeer } from "simplesfu/react";
import type { Socket } from "socket.io-client";
import { exactly } from "./exactly.js";

declare const socket: Socket | null;
declare const track: MediaStreamTrack | null;

export function Right({ room }: { room?: string }) {
  const call = useSimplePeer(socket, { room, timeoutMs: 5_000, iceTransportPolicy: "relay" });
  exactly<Call>()(call);
  exactly<SimplePeer | null>()(call.peer);
  exactly<string | undefined>()(call.peerId);
  exactly<"connecting" | "connected" | "reconnecting" | "ended">()(call.state);
  exactly<SimplePeerError | null>()(call.error);
  exactly<readonly string[]>()(call.peers);
  exactly<readonly PeerTrack[]>()(call.tracks);
  exactly<readonly Readonly<LocalTrack>[]>()(call.localTracks);
  useSimplePeer(undefined);
  const options = { broadcast: false, muted: true, metadata: { name: "Peer 1" }, simulcast: true };
  exactly<SimplePeerError | null>()(useLocalTrack(call, track, "camera", options));
  const video = createRef<HTMLVideoElement>();
  return (
    <>
      <PeerVideo track={track} muted mirrored fit="cover" ref={video} className="own" aria-label="You" />
      <PeerVideo track={track} audioTrack={track} onPlaybackBlocked={(play) => void play()} />
      <PeerVideo call={call} peerId="bob" width={320} style={{ borderRadius: 8 }} onResize={() => undefined} />
      <PeerVideo call={call} peerId="bob" label="screen" audioLabel="voice" />
      <PeerAudio track={track} controls />
      <PeerAudio call={call} peerId="bob" label="voice" />
    </>
  );
}

export function Wrong({ call }: { call: Call }) {
  // @ts-expect-error a socket, or none
  useSimplePeer("http://localhost");
  // @ts-expect-error there is no such option
  useSimplePeer(socket, { rooms: ["blue"] });
  // @ts-expect-error under which label?
  useLocalTrack(call, track);
  // @ts-expect-error the browser knows no such hint
  useLocalTrack(call, track, "camera", { contentHint: "sharp" });
  // @ts-expect-error a call is not changed by writing to it
  call.state = "ended";
  // @ts-expect-error nor are its lists
  call.peers.push("bob");
  // @ts-expect-error nor is a track of it
  call.tracks[0].label = "other";
  return (
    <>
      {/* @ts-expect-error which track, or whose? */}
      <PeerVideo muted />
      {/* @ts-expect-error of which call? */}
      <PeerVideo peerId="bob" />
      {/* @ts-expect-error a track, or a peer's, not both */}
      <PeerVideo track={track} call={call} peerId="bob" />
      {/* @ts-expect-error it has no address */}
      <PeerVideo track={track} src="film.webm" />
      {/* @ts-expect-error there is no such fit */}
      <PeerVideo track={track} fit="stretch" />
      {/* @ts-expect-error sound has no picture */}
      <PeerAudio track={track} mirrored />
    </>
  );
}
