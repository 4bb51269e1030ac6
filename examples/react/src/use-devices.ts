import { useCallback, useEffect, useState } from "react";
import { SimplePeer, type SimplePeerError } from "simplesfu";

export interface Devices {
  camera: MediaStreamTrack | null;
  microphone: MediaStreamTrack | null;
  cameraOn: boolean;
  microphoneOn: boolean;
  /** In words for the guest. */
  problem: string | null;
  toggle: (which: "camera" | "microphone") => void;
}

interface Opened {
  tracks: MediaStreamTrack[];
  problem: string | null;
}

const VIDEO = { width: 1280, height: 720 };
const EACH = [
  { constraints: { video: VIDEO }, missing: "Nobody sees you" },
  { constraints: { audio: true }, missing: "Nobody hears you" },
];
/** What is wrong with one of the two, perhaps, and not with the other. */
const OF_ONE = ["no_device", "device_busy", "device_unsuitable"];

/** The camera and the microphone, for as long as the component is there. */
export function useDevices(): Devices {
  const [{ tracks, problem }, setOpened] = useState<Opened>({ tracks: [], problem: null });
  const [on, setOn] = useState({ camera: true, microphone: true });

  useEffect(() => {
    let tracks: MediaStreamTrack[] = [];
    let over = false;
    const stop = (): void => tracks.forEach((track) => track.stop());
    open().then((opened) => {
      tracks = opened.tracks;
      if (over) stop();
      else setOpened(opened);
    });
    return () => {
      over = true;
      stop();
    };
  }, []);

  const toggle = useCallback((which: "camera" | "microphone") => {
    setOn((before) => ({ ...before, [which]: !before[which] }));
  }, []);
  const camera = tracks.find(({ kind }) => kind === "video") ?? null;
  const microphone = tracks.find(({ kind }) => kind === "audio") ?? null;
  return { camera, microphone, cameraOn: on.camera, microphoneOn: on.microphone, problem, toggle };
}

/** Both with one question; where that cannot be, whichever there is. */
async function open(): Promise<Opened> {
  try {
    const both = await SimplePeer.capture({ video: VIDEO, audio: true });
    return { tracks: both.getTracks(), problem: null };
  } catch (cause) {
    const error = cause as SimplePeerError;
    const problem = `Nobody sees or hears you: ${wordsOf(error)}. You can still watch.`;
    if (!OF_ONE.includes(error.code)) return { tracks: [], problem };
  }
  const tracks: MediaStreamTrack[] = [];
  const problems: string[] = [];
  for (const { constraints, missing } of EACH) {
    try {
      const stream = await SimplePeer.capture(constraints);
      tracks.push(...stream.getTracks());
    } catch (cause) {
      problems.push(`${missing}: ${wordsOf(cause as SimplePeerError)}.`);
    }
  }
  return { tracks, problem: problems.join(" ") || null };
}

function wordsOf({ message, hint }: SimplePeerError): string {
  return hint ? `${message} (${hint})` : message;
}
