/** Camera, microphone and screen: what they give, or why they give nothing and what helps. */
import { SimplePeerError, toSimplePeerError } from "./errors.js";

/** Tracks of screens. Not every browser can be asked later where a track comes from. */
const screenTracks = new WeakSet<MediaStreamTrack>();

/** What the browser asks its user for, by the kind of track. */
export const PERMISSIONS = { audio: "microphone", video: "camera" } as const;

/** @throws SimplePeerError, see SimplePeer.capture() */
export async function capture(constraints: MediaStreamConstraints): Promise<MediaStream> {
  const devices = requireDevices();
  const wanted = (["video", "audio"] as const).filter((kind) => constraints[kind]);
  const names = wanted.map((kind) => PERMISSIONS[kind]).join(" and ");
  if (!names) throw new SimplePeerError("bad_request", "nothing to capture", "capture({ video: true, audio: true })");
  try {
    return await devices.getUserMedia(constraints);
  } catch (error) {
    throw await explainRefusal(error, names, devices, wanted);
  }
}

/** @throws SimplePeerError, see SimplePeer.captureScreen() */
export async function captureScreen(options: DisplayMediaStreamOptions): Promise<MediaStream> {
  const devices = requireDevices();
  if (typeof devices.getDisplayMedia !== "function") {
    throw new SimplePeerError("unsupported", "this browser cannot share a screen", "those of phones cannot, as a rule");
  }
  try {
    const stream = await devices.getDisplayMedia(options);
    for (const track of stream.getTracks()) screenTracks.add(track);
    return stream;
  } catch (error) {
    if (nameOf(error) === "InvalidStateError") {
      const hint = "call captureScreen() in the handler of a click";
      throw new SimplePeerError("needs_gesture", "the browser wants a click first", hint, { cause: error });
    }
    throw explainByName(error, "the screen");
  }
}

export function isScreenTrack(track: MediaStreamTrack): boolean {
  return screenTracks.has(track) || "displaySurface" in settingsOf(track);
}

/** Outside of browsers tracks may have none. */
export function settingsOf(track: MediaStreamTrack): MediaTrackSettings {
  return track.getSettings?.() ?? {};
}

function requireDevices(): MediaDevices {
  const devices: MediaDevices | undefined = globalThis.navigator?.mediaDevices;
  if (devices) return devices;
  if (globalThis.isSecureContext === false) {
    throw new SimplePeerError(
      "insecure_context",
      `${globalThis.location?.origin ?? "the page"} is neither https nor localhost, so the browser gives it no devices`,
      "serve the page over https",
    );
  }
  throw new SimplePeerError("unsupported", "this browser knows no cameras and no microphones", "use a current one");
}

/** Some browsers refuse before they look what there is, so a missing device is looked for first. */
async function explainRefusal(
  error: unknown,
  names: string,
  devices: MediaDevices,
  wanted: ("audio" | "video")[],
): Promise<SimplePeerError> {
  if (nameOf(error) !== "NotFoundError") return explainByName(error, `the ${names}`);
  const found = await devices.enumerateDevices().catch(() => []);
  const missing = wanted.filter((kind) => !found.some((device) => device.kind === `${kind}input`));
  const what = (missing.length > 0 ? missing : wanted).map((kind) => PERMISSIONS[kind]).join(" and no ");
  const hint =
    missing.length < wanted.length
      ? "plug one in, or capture only what there is"
      : "plug one in; one can watch without";
  return new SimplePeerError("no_device", `there is no ${what}`, hint, { cause: error });
}

function explainByName(error: unknown, what: string): SimplePeerError {
  const cause = { cause: error };
  const message = error instanceof Error ? error.message : "";
  switch (nameOf(error)) {
    case "NotAllowedError":
    case "SecurityError":
      return new SimplePeerError("permission_refused", `the browser may not use ${what}`, howToPermit(message), cause);
    case "NotFoundError":
      return new SimplePeerError("no_device", `there is nothing to share of ${what}`, "", cause);
    case "NotReadableError":
    case "AbortError":
      return new SimplePeerError(
        "device_busy",
        `${what} cannot be opened`,
        "close other programs and tabs that use it; unplug it and plug it in again",
        cause,
      );
    case "OverconstrainedError":
      return new SimplePeerError(
        "device_unsuitable",
        `no device fits the constraint "${(error as OverconstrainedError).constraint}"`,
        "ask with { ideal: … } instead of { exact: … }, or without a deviceId of former times",
        cause,
      );
    default:
      return error instanceof TypeError
        ? new SimplePeerError("bad_request", message, "", cause)
        : toSimplePeerError(error);
  }
}

/** The browsers' own words tell which of several noes it was. */
function howToPermit(message: string): string {
  if (/system/i.test(message)) return "allow it to the browser in the privacy settings of the operating system";
  if (/dismissed/i.test(message)) return "ask again, and choose Allow";
  if (globalThis.top !== globalThis.self)
    return 'allow it to the page, and to its frame: <iframe allow="camera; microphone; display-capture">';
  return "allow it: click the icon beside the address, then ask again";
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}
