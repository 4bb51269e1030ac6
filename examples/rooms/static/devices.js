/** The own camera and microphone: permission, choice, on and off. */

const CONSTRAINTS = {
  camera: (deviceId) => ({ video: { deviceId, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } } }),
  microphone: (deviceId) => ({ audio: { deviceId, echoCancellation: true, noiseSuppression: true, autoGainControl: true } }),
};
const DEVICE_KINDS = { camera: "videoinput", microphone: "audioinput" };

/**
 * `camera` and `microphone`: its track (null when there is none), whether it is on, and which device was chosen.
 * Fires "change" {detail: "camera" | "microphone"} whenever one of these is another.
 * A camera that is off is stopped, so that its light goes out; a microphone that is off stays open and sends nothing,
 * so that switching it on loses no syllable.
 */
export class Devices extends EventTarget {
  camera = { track: null, on: false, deviceId: undefined };
  microphone = { track: null, on: false, deviceId: undefined };

  /** Asks for both in one prompt, and for each alone if there are not both. Returns the error of each that did not start. */
  async open() {
    const { video } = CONSTRAINTS.camera(this.camera.deviceId);
    const { audio } = CONSTRAINTS.microphone(this.microphone.deviceId);
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video, audio });
      this.#use("camera", stream.getVideoTracks()[0]);
      this.#use("microphone", stream.getAudioTracks()[0]);
      return {};
    } catch (error) {
      if (error.name === "NotAllowedError") return { camera: error, microphone: error };
    }
    const errors = {};
    for (const kind of ["camera", "microphone"]) {
      await this.start(kind).catch((error) => { errors[kind] = error; });
    }
    return errors;
  }

  async start(kind) {
    const device = this[kind];
    if (kind === "camera") device.track?.stop(); // some cameras can be open only once
    const exact = device.deviceId && { exact: device.deviceId };
    const stream = await navigator.mediaDevices.getUserMedia(CONSTRAINTS[kind](exact));
    this.#use(kind, stream.getTracks()[0]);
  }

  async toggle(kind) {
    const device = this[kind];
    if (!device.on) {
      if (device.track?.readyState !== "live") return this.start(kind);
      device.on = true;
    } else {
      device.on = false;
      if (kind === "camera") device.track.stop();
    }
    device.track.enabled = device.on;
    this.#changed(kind);
  }

  async choose(kind, deviceId) {
    const device = this[kind];
    device.deviceId = deviceId;
    if (device.on) return this.start(kind);
    device.track?.stop(); // else it would be the one that is switched on
    device.track = null;
    this.#changed(kind);
  }

  /** [{deviceId, label}] of the kind; the labels are known once permission is given. */
  async list(kind) {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return devices.filter((device) => device.kind === DEVICE_KINDS[kind] && device.deviceId);
  }

  #use(kind, track) {
    const device = this[kind];
    device.track?.stop();
    Object.assign(device, { track, on: true, deviceId: track.getSettings().deviceId });
    track.addEventListener("ended", () => { // unplugged, or permission withdrawn
      if (device.track !== track) return;
      Object.assign(device, { track: null, on: false });
      this.#changed(kind);
    });
    this.#changed(kind);
  }

  #changed(kind) {
    this.dispatchEvent(new CustomEvent("change", { detail: kind }));
  }
}
