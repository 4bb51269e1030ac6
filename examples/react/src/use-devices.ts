import { useCallback, useEffect, useState } from "react";

export interface Devices {
  camera: MediaStreamTrack | null;
  microphone: MediaStreamTrack | null;
  cameraOn: boolean;
  microphoneOn: boolean;
  /** In words for the guest. */
  problem: string | null;
  toggle: (which: "camera" | "microphone") => void;
}

const PROBLEMS: Record<string, string> = {
  NotAllowedError: "The browser was told not to give this page your camera and microphone. You can still watch.",
  NotFoundError: "There is no camera or microphone here. You can still watch.",
  NotReadableError: "Another program has your camera. You can still watch.",
};

/** The camera and the microphone, for as long as the component is there. */
export function useDevices(): Devices {
  const [stream, setStream] = useState<MediaStream | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [on, setOn] = useState({ camera: true, microphone: true });

  useEffect(() => {
    let opened: MediaStream | undefined;
    let over = false;
    const stop = (): void => opened?.getTracks().forEach((track) => track.stop());
    open().then(
      (stream) => {
        opened = stream;
        if (over) stop();
        else setStream(stream);
      },
      (error: Error) => setProblem(PROBLEMS[error.name] ?? error.message),
    );
    return () => {
      over = true;
      stop();
    };
  }, []);

  const toggle = useCallback((which: "camera" | "microphone") => {
    setOn((before) => ({ ...before, [which]: !before[which] }));
  }, []);
  const [camera = null] = stream?.getVideoTracks() ?? [];
  const [microphone = null] = stream?.getAudioTracks() ?? [];
  return { camera, microphone, cameraOn: on.camera, microphoneOn: on.microphone, problem, toggle };
}

async function open(): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new Error("Cameras need https, or localhost. You can still watch.");
  return navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 1280, height: 720 } });
}
