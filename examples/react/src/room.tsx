import { type SimplePeerSocket, useLocalTrack, useSimplePeer } from "simplesfu/react";
import { Banner } from "./banner";
import { CameraButton, LeaveButton, MicrophoneButton, ScreenButton } from "./controls";
import type { Guest } from "./door";
import { OwnTile, ScreenTile, Tile } from "./tiles";
import type { Devices } from "./use-devices";
import { useKeys } from "./use-keys";
import { useScreen } from "./use-screen";

interface RoomProps {
  socket: SimplePeerSocket;
  devices: Devices;
  guest: Guest;
  onLeave: () => void;
}

/** The call: everything about it is what `useSimplePeer` gives. */
export function Room({ socket, devices, guest, onLeave }: RoomProps) {
  const { camera, cameraOn, microphone, microphoneOn, toggle } = devices;
  const metadata = { name: guest.name };
  const screen = useScreen();

  const call = useSimplePeer(socket, { room: guest.room });
  const cameraError = useLocalTrack(call, camera, "camera", { muted: !cameraOn, simulcast: true, metadata });
  const voiceError = useLocalTrack(call, microphone, "voice", { muted: !microphoneOn, metadata });
  const screenError = useLocalTrack(call, screen.track, "screen", { metadata });

  useKeys({ m: () => toggle("microphone"), v: () => toggle("camera"), s: screen.toggle });
  const screens = call.tracks.filter(({ label }) => label === "screen");
  const people = call.peers.length + 1;
  return (
    <main className="room">
      <header>
        <h1>{guest.room}</h1>
        <p className="soft" role="status">
          {people === 1 ? "Only you so far" : `${people} at the table`}
        </p>
      </header>
      <Banner call={call} errors={[cameraError, voiceError, screenError]} problem={devices.problem ?? screen.problem} />
      <ul className="tiles" data-count={people + screens.length + (screen.track ? 1 : 0)}>
        {screen.track && <ScreenTile track={screen.track} name="Your screen" />}
        {screens.map(({ peerId, track, metadata }) => (
          <ScreenTile key={peerId} track={track} name={`${metadata.name}: screen`} />
        ))}
        {call.peers.map((peerId) => (
          <Tile key={peerId} call={call} peerId={peerId} />
        ))}
        <OwnTile devices={devices} name={guest.name} />
      </ul>
      <nav className="tools" aria-label="Call">
        <MicrophoneButton devices={devices} />
        <CameraButton devices={devices} />
        {screen.available && <ScreenButton screen={screen} />}
        <LeaveButton onLeave={onLeave} />
      </nav>
    </main>
  );
}
