/** The own camera and microphone, while one is on the stage. */
const MEDIA = { camera: { video: { width: { ideal: 1280 }, height: { ideal: 720 } } }, microphone: { audio: true } };

export class Speaker {
  #peer;
  #onCamera;
  #tracks = {}; // "camera", "microphone" → track

  /** `onCamera(track or null)`: what the own camera gives. */
  constructor(peer, onCamera) {
    this.#peer = peer;
    this.#onCamera = onCamera;
  }

  get onStage() {
    return Object.keys(this.#tracks).length > 0;
  }

  sends(kind) {
    return this.#tracks[kind]?.enabled ?? false;
  }

  /** Rejects when the browser gives no device, or the server says no. */
  async stepUp() {
    if (!navigator.mediaDevices) throw new Error("Browsers give camera and microphone to https pages and to localhost only");
    this.#own(await navigator.mediaDevices.getUserMedia({ ...MEDIA.camera, ...MEDIA.microphone }));
    for (const kind of Object.keys(this.#tracks)) await this.#publish(kind);
  }

  /** On one's own wish, or since the server has closed what was published. */
  stepDown() {
    for (const [kind, track] of Object.entries(this.#tracks)) {
      track.stop();
      this.#peer.removeTrack(kind).catch(() => undefined); // the server may have done so
    }
    this.#tracks = {};
    this.#onCamera(null);
  }

  /** The microphone is muted, and back at once; the camera is taken off, so that its light goes out. */
  async toggle(kind) {
    const track = this.#tracks[kind];
    if (kind === "microphone" && track) {
      track.enabled = !track.enabled;
      await (track.enabled ? this.#peer.unmuteTrack(kind) : this.#peer.muteTrack(kind));
    } else if (track) {
      track.stop();
      this.lost(kind);
      await this.#peer.removeTrack(kind);
    } else {
      this.#own(await navigator.mediaDevices.getUserMedia(MEDIA[kind]));
      await this.#publish(kind);
    }
    return this.sends(kind);
  }

  /** The device is gone. */
  lost(kind) {
    delete this.#tracks[kind];
    if (kind === "camera") this.#onCamera(null);
  }

  /** Once more, when what showed it before is gone. */
  showAgain() {
    if (this.#tracks.camera) this.#onCamera(this.#tracks.camera);
  }

  #own(stream) {
    for (const track of stream.getTracks()) this.#tracks[track.kind === "video" ? "camera" : "microphone"] = track;
    this.showAgain();
  }

  async #publish(kind) {
    await this.#peer.addTrack(this.#tracks[kind], kind, true);
  }
}
