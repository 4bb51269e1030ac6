import type { ReactNode } from "react";
import type { Devices } from "./use-devices";
import type { Screen } from "./use-screen";

interface ToolProps {
  name: string;
  shortcut?: string;
  pressed?: boolean;
  kind?: string;
  icon: string;
  onClick: () => void;
}

function Tool({ name, shortcut, pressed, kind, icon, onClick }: ToolProps): ReactNode {
  const title = shortcut ? `${name} (${shortcut.toUpperCase()})` : name;
  return (
    <button
      type="button"
      className={`tool ${kind ?? ""}`}
      title={title}
      onClick={onClick}
      {...(pressed !== undefined && { "aria-pressed": pressed })}
      {...(shortcut && { "aria-keyshortcuts": shortcut })}
    >
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d={icon} />
      </svg>
      {name}
    </button>
  );
}

const STRUCK = " M4 4 L20 20";
const MICROPHONE = "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3Z M6 11a6 6 0 0 0 12 0 M12 17v4";
const CAMERA = "M3 8a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2Z M15 11l6-4v10l-6-4";
const SCREEN = "M3 5h18v12H3Z M8 21h8 M12 13V8 M9.500 10.500 12 8l2.500 2.500";
const DOOR = "M10 4H5v16h5 M14 8l4 4-4 4 M18 12H9";

export function MicrophoneButton({ devices: { microphoneOn, toggle } }: { devices: Devices }) {
  const icon = microphoneOn ? MICROPHONE : MICROPHONE + STRUCK;
  const onClick = (): void => toggle("microphone");
  return <Tool name="Microphone" shortcut="m" pressed={microphoneOn} icon={icon} onClick={onClick} />;
}

export function CameraButton({ devices: { cameraOn, toggle } }: { devices: Devices }) {
  const icon = cameraOn ? CAMERA : CAMERA + STRUCK;
  return <Tool name="Camera" shortcut="v" pressed={cameraOn} icon={icon} onClick={() => toggle("camera")} />;
}

export function ScreenButton({ screen: { track, toggle } }: { screen: Screen }) {
  return <Tool name="Screen" shortcut="s" pressed={track !== null} kind="sharing" icon={SCREEN} onClick={toggle} />;
}

export function LeaveButton({ onLeave }: { onLeave: () => void }) {
  return <Tool name="Leave" kind="leave" icon={DOOR} onClick={onLeave} />;
}
