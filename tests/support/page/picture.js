// A picture that says who painted it: a barcode of the painter's number, its colour, its name and something that moves.

const BITS = 8;
const BAND = 0.25; // of the height, for the bits; as much again for their complements

/**
 * Paints `number` on a canvas at `fps` and returns the track; `stop()` on the result ends the painting.
 * A `crowd` of specks changes with each frame, which makes a frame several packets big.
 */
export function paintedTrack({number, name, width = 256, height = 144, fps = 30, crowd = 0}) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, {width, height, hidden: true}); // not shown: only its track is of interest
  document.body.append(canvas);
  const context = canvas.getContext("2d", {alpha: false});
  let turn = 0;
  const paint = () => {
    context.fillStyle = `hsl(${(number * 67) % 360} 70% 45%)`;
    context.fillRect(0, 0, width, height);
    const cell = width / BITS;
    for (let bit = 0; bit < BITS; bit++) {
      const set = (number >> bit) & 1;
      context.fillStyle = set ? "#fff" : "#000";
      context.fillRect(bit * cell, 0, cell, height * BAND);
      context.fillStyle = set ? "#000" : "#fff";
      context.fillRect(bit * cell, height * BAND, cell, height * BAND);
    }
    for (let speck = 0; speck < crowd; speck++) {
      context.fillStyle = `hsl(${Math.random() * 360} 80% 50%)`;
      context.fillRect(Math.random() * width, height * (0.5 + Math.random() * 0.4), 6, 6);
    }
    context.fillStyle = "#fff";
    context.fillRect((turn * 4) % width, height * 0.9, width / 10, height * 0.1);
    context.font = `${Math.round(height * 0.2)}px sans-serif`;
    context.fillText(`${name} ${turn++}`, 8, height * 0.8);
  };
  paint();
  const timer = setInterval(paint, 1000 / fps);
  const [track] = canvas.captureStream(fps).getVideoTracks();
  const stop = () => {
    clearInterval(timer);
    canvas.remove();
    track.stop();
  };
  return {track, stop, freeze: () => clearInterval(timer), painted: () => turn};
}

const reader = new OffscreenCanvas(BITS, 4).getContext("2d", {willReadFrequently: true});

/** The number painted in the picture that the video shows now, or null when there is none that can be trusted. */
export function readNumber(video) {
  if (!video.videoWidth) return null;
  const {videoWidth: width, videoHeight: height} = video;
  let number = 0;
  for (let bit = 0; bit < BITS; bit++) {
    const x = ((bit + 0.25) * width) / BITS;
    const read = (row) => {
      // The middle of a cell only: its edges are where the codec smears.
      reader.drawImage(video, x, height * BAND * (row + 0.25), width / BITS / 2, (height * BAND) / 2, 0, 0, 1, 1);
      return reader.getImageData(0, 0, 1, 1).data[1];
    };
    const contrast = read(0) - read(1);
    if (Math.abs(contrast) < 100) return null;
    if (contrast > 0) number |= 1 << bit;
  }
  return number;
}
