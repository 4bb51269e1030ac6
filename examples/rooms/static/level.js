/** Loudness of audio tracks, for the meter in the preview and the ring around who speaks. */

const INTERVAL_MS = 100;
const FLOOR_DB = -60;

let context = null;

/** Calls `onLevel` ten times a second with 0 (silence) to 1 (as loud as it gets), until the returned function is called. */
export function watchLevel(track, onLevel) {
  context ??= new AudioContext();
  const resume = () => context.resume();
  if (context.state === "suspended") addEventListener("pointerdown", resume, { once: true }); // browsers wait for a gesture
  const source = context.createMediaStreamSource(new MediaStream([track]));
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  const samples = new Float32Array(analyser.fftSize);
  source.connect(analyser);

  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    const db = 10 * Math.log10(power + 1e-12);
    onLevel(Math.min(1, Math.max(0, 1 - db / FLOOR_DB)));
  }, INTERVAL_MS);

  return () => {
    clearInterval(timer);
    source.disconnect();
    removeEventListener("pointerdown", resume);
    onLevel(0);
  };
}
