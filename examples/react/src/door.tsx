import { type FormEvent, useState } from "react";
import { PeerVideo } from "simplesfu/react";
import { CameraButton, MicrophoneButton } from "./controls";
import type { Devices } from "./use-devices";

export interface Guest {
  name: string;
  room: string;
}

interface DoorProps {
  devices: Devices;
  onEnter: (guest: Guest) => void;
}

/** Who, and where to; with a preview of what the others will see. */
export function Door({ devices, onEnter }: DoorProps) {
  const [name, setName] = useState(sessionStorage.name ?? "");
  const [room, setRoom] = useState(decode(location.hash.slice(1)) || "kitchen");

  const enter = (event: FormEvent): void => {
    event.preventDefault();
    sessionStorage.name = name.trim();
    history.replaceState(null, "", `#${encodeURIComponent(room.trim())}`);
    onEnter({ name: name.trim(), room: room.trim() });
  };

  return (
    <main className="door">
      <figure className="preview">
        {devices.camera && devices.cameraOn ? (
          <PeerVideo track={devices.camera} muted mirrored fit="cover" aria-label="Your camera" />
        ) : (
          <p>{devices.problem ?? (devices.cameraOn ? "Waiting for your camera" : "Your camera is off")}</p>
        )}
        <figcaption className="tools">
          <MicrophoneButton devices={devices} />
          <CameraButton devices={devices} />
        </figcaption>
      </figure>
      <form onSubmit={enter}>
        <h1>Come to the table</h1>
        <p className="soft">Everybody who gives the same room sits together.</p>
        <label>
          Your name
          <input value={name} onChange={(event) => setName(event.target.value)} maxLength={40} required autoFocus />
        </label>
        <label>
          Room
          <input value={room} onChange={(event) => setRoom(event.target.value)} maxLength={60} required />
        </label>
        <button type="submit" className="primary">
          Sit down
        </button>
      </form>
    </main>
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % in the address is part of the name
  }
}
