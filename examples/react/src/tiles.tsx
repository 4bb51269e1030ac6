import { type Call, PeerVideo } from "simplesfu/react";
import type { Devices } from "./use-devices";

interface TileProps {
  call: Call;
  peerId: string;
}

/** Somebody else: the picture, or the initial while there is none, and the sound. */
export function Tile({ call, peerId }: TileProps) {
  const camera = call.tracks.find((track) => track.peerId === peerId && track.label === "camera");
  const voice = call.tracks.find((track) => track.peerId === peerId && track.label === "voice");
  const name = String(camera?.metadata.name ?? voice?.metadata.name ?? "Somebody");
  const visible = camera !== undefined && !camera.muted && !camera.held;
  return (
    <li className="tile" data-name={name}>
      {!visible && <Initial name={name} />}
      <PeerVideo call={call} peerId={peerId} label="camera" audioLabel="voice" fit="cover" hidden={!visible} />
      <Name name={name} muted={!voice || voice.muted} />
    </li>
  );
}

export function OwnTile({ devices, name }: { devices: Devices; name: string }) {
  const visible = devices.camera !== null && devices.cameraOn;
  return (
    <li className="tile own" data-name={name}>
      {visible ? <PeerVideo track={devices.camera} muted mirrored fit="cover" /> : <Initial name={name} />}
      <Name name={`${name} (you)`} muted={!devices.microphoneOn} />
    </li>
  );
}

export function ScreenTile({ track, name }: { track: MediaStreamTrack; name: string }) {
  return (
    <li className="tile screen" data-name={name}>
      <PeerVideo track={track} muted fit="contain" />
      <Name name={name} muted={false} />
    </li>
  );
}

function Initial({ name }: { name: string }) {
  return (
    <span className="initial" aria-hidden="true">
      {[...name][0]?.toUpperCase()}
    </span>
  );
}

function Name({ name, muted }: { name: string; muted: boolean }) {
  return (
    <p className="name">
      {name}
      {muted && <span className="soft"> · muted</span>}
    </p>
  );
}
