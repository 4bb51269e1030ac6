// A tone for each sender, and the reading of it.

let shared;
const context = () => (shared ??= new AudioContext());

/** A steady tone as a track. */
export function toneTrack({hertz}) {
  const oscillator = new OscillatorNode(context(), {frequency: hertz});
  const gain = new GainNode(context(), {gain: 0.4});
  const destination = new MediaStreamAudioDestinationNode(context(), {channelCount: 1});
  oscillator.connect(gain).connect(destination);
  oscillator.start();
  const [track] = destination.stream.getAudioTracks();
  const stop = () => {
    oscillator.stop();
    track.stop();
  };
  return {track, stop};
}

/** Listens to a track; `read()` gives its loudness (root mean square, 0..1) and its strongest frequency. */
export function listenTo(track) {
  const stream = new MediaStream([track]);
  // Chromium feeds a remote track to WebAudio only while an element plays it.
  const element = Object.assign(new Audio(), {srcObject: stream, muted: true, autoplay: true});
  const source = new MediaStreamAudioSourceNode(context(), {mediaStream: stream});
  const analyser = new AnalyserNode(context(), {fftSize: 8192, smoothingTimeConstant: 0});
  source.connect(analyser);
  element.play().catch(() => {}); // refused when the track ends first; read() then tells of silence
  const wave = new Float32Array(analyser.fftSize);
  const spectrum = new Float32Array(analyser.frequencyBinCount);
  const read = () => {
    analyser.getFloatTimeDomainData(wave);
    analyser.getFloatFrequencyData(spectrum);
    const loudness = Math.sqrt(wave.reduce((sum, sample) => sum + sample * sample, 0) / wave.length);
    const peak = spectrum.indexOf(Math.max(...spectrum));
    return {loudness, hertz: loudness > 0.001 ? (peak * context().sampleRate) / analyser.fftSize : 0};
  };
  const stop = () => {
    source.disconnect();
    element.srcObject = null;
  };
  return {read, stop};
}
