/** Why a track has ended that nobody stopped: the browser tells only that it did. */
import { isScreenTrack, PERMISSIONS, settingsOf } from "./devices.js";

export type TrackEndReason =
  /** Its camera or microphone is not there any longer. */
  | "unplugged"
  /** Sharing was stopped by the browser's own button, or the window that was shared is closed. */
  | "stopped_by_user"
  /** The permission was taken back. */
  | "permission_revoked"
  /** Whatever else it came from (an element, a canvas, a device that failed) gives nothing any longer. */
  | "source_ended";

export async function findEndReason(track: MediaStreamTrack): Promise<TrackEndReason> {
  if (isScreenTrack(track)) return "stopped_by_user";
  const settings = settingsOf(track);
  if (!settings.deviceId) return "source_ended";
  const kind = track.kind as keyof typeof PERMISSIONS;
  if (!(await isPermitted(PERMISSIONS[kind]))) return "permission_revoked";
  return (await isThere(settings)) ? "source_ended" : "unplugged";
}

/** "default" is whatever device is that now, and so only the group tells it from the one before. */
async function isThere({ deviceId, groupId }: MediaTrackSettings): Promise<boolean> {
  try {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.some((device) => device.deviceId === deviceId && (!groupId || device.groupId === groupId));
  } catch {
    return true; // who cannot be asked has not said that it is gone
  }
}

async function isPermitted(name: string): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: name as PermissionName })).state === "granted";
  } catch {
    return true; // a browser that cannot be asked about this one
  }
}
