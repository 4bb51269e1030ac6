/** Pictures and tones to send, and what measures them where they arrive (see wrtc_client.mjs). */
import wrtc from "@roamhq/wrtc";

const { RTCAudioSink, RTCAudioSource, RTCVideoSink, RTCVideoSource } = wrtc.nonstandard;

const SAMPLE_RATE_HZ = 48_000;
const CHUNK_SAMPLES = SAMPLE_RATE_HZ / 100; // libwebrtc takes 10 ms at a time
const MEASURED_SAMPLES = SAMPLE_RATE_HZ / 5;

/** A track of one colour. paint() changes it. */
export function videoTrack({ color, width = 320, height = 240, fps = 25 }) {
  const source = new RTCVideoSource();
  const track = source.createTrack();
  const data = new Uint8ClampedArray(width * height + 2 * (width / 2) * (height / 2));
  const paint = (rgb) => fillI420(data, width * height, rgb);
  paint(color);
  const timer = setInterval(() => source.onFrame({ width, height, data }), 1000 / fps);
  return { track, paint, stop: () => stop(timer, track) };
}

/** A sine at half of full scale. */
export function toneTrack(toneHz) {
  const source = new RTCAudioSource();
  const track = source.createTrack();
  const startMs = performance.now();
  let sent = 0; // samples
  const timer = setInterval(() => {
    // Timers are late, never early: send as many chunks as time has passed.
    while ((sent / SAMPLE_RATE_HZ) * 1000 < performance.now() - startMs) {
      const samples = Int16Array.from({ length: CHUNK_SAMPLES }, (_, index) =>
        Math.round(16_384 * Math.sin((2 * Math.PI * toneHz * (sent + index)) / SAMPLE_RATE_HZ)),
      );
      sent += CHUNK_SAMPLES;
      source.onData({ samples, sampleRate: SAMPLE_RATE_HZ, bitsPerSample: 16, channelCount: 1 });
    }
  }, 10);
  return { track, stop: () => stop(timer, track) };
}

function stop(timer, track) {
  clearInterval(timer);
  track.stop();
}

/** Measures a remote track from now on. */
export function receiver({ track, peerId, label, kind }) {
  let ended = false;
  track.addEventListener("ended", () => {
    ended = true;
  });
  const measured = kind === "video" ? videoMeter(track) : audioMeter(track);
  return { report: () => ({ peerId, label, kind, ended, ...measured() }) };
}

function videoMeter(track) {
  let frames = 0;
  let last;
  new RTCVideoSink(track).onframe = ({ frame }) => {
    frames++;
    last = frame;
  };
  return () => ({ frames, ...(last && { width: last.width, height: last.height, color: meanColor(last) }) });
}

function audioMeter(track) {
  let samples = 0;
  let rateHz = SAMPLE_RATE_HZ;
  let recent = [];
  new RTCAudioSink(track).ondata = ({ samples: chunk, sampleRate, channelCount }) => {
    const mono = chunk.filter((_, index) => index % channelCount === 0);
    rateHz = sampleRate;
    samples += mono.length;
    recent = [...recent, ...mono].slice(-MEASURED_SAMPLES);
  };
  return () => ({ samples, rms: rms(recent), toneHz: zeroCrossingHz(recent, rateHz) });
}

function rms(samples) {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / (samples.length || 1);
  return Math.sqrt(power) / 32_768;
}

function zeroCrossingHz(samples, rateHz) {
  const rises = samples.filter((sample, index) => index > 0 && samples[index - 1] < 0 && sample >= 0).length;
  return samples.length ? (rises * rateHz) / samples.length : 0;
}

// BT.601, studio range: what libwebrtc takes I420 to be.
function fillI420(data, lumaSize, [r, g, b]) {
  const chromaSize = lumaSize / 4;
  data.fill(16 + (65.738 * r + 129.057 * g + 25.064 * b) / 256, 0, lumaSize);
  data.fill(128 + (-37.945 * r - 74.494 * g + 112.439 * b) / 256, lumaSize, lumaSize + chromaSize);
  data.fill(128 + (112.439 * r - 94.154 * g - 18.285 * b) / 256, lumaSize + chromaSize);
}

function meanColor({ width, height, data }) {
  const lumaSize = width * height;
  const chromaSize = Math.ceil(width / 2) * Math.ceil(height / 2);
  const y = 1.164 * (mean(data.subarray(0, lumaSize)) - 16);
  const u = mean(data.subarray(lumaSize, lumaSize + chromaSize)) - 128;
  const v = mean(data.subarray(lumaSize + chromaSize, lumaSize + 2 * chromaSize)) - 128;
  return [y + 1.596 * v, y - 0.392 * u - 0.813 * v, y + 2.017 * u].map((value) =>
    Math.round(Math.min(255, Math.max(0, value))),
  );
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
