// A camera that shows a plain figure with a number. Evaluated in a page before its own scripts: (number) => …
(number) => {
  const hues = [160, 205, 262, 28, 340];
  const hue = hues[number % hues.length];
  const canvas = Object.assign(document.createElement("canvas"), {width: 1280, height: 720});
  const pen = canvas.getContext("2d");
  const paint = (time) => {
    const sway = Math.sin(time / 900 + number) * 12;
    const wall = pen.createLinearGradient(0, 0, 0, 720);
    wall.addColorStop(0, `hsl(${hue} 45% 88%)`);
    wall.addColorStop(1, `hsl(${hue} 35% 66%)`);
    pen.fillStyle = wall;
    pen.fillRect(0, 0, 1280, 720);
    pen.fillStyle = `hsl(${hue} 40% 80%)`;
    for (let lamp = 0; lamp < 3; lamp++) {
      pen.beginPath();
      pen.arc(180 + lamp * 460, 150 + (lamp % 2) * 90, 90 + 20 * lamp, 0, 7);
      pen.fill();
    }
    pen.fillStyle = `hsl(${hue} 38% 34%)`;
    pen.beginPath();
    pen.ellipse(640 + sway / 2, 800, 350, 300, 0, 0, 7);
    pen.fill();
    pen.fillStyle = `hsl(${hue} 34% 46%)`;
    pen.beginPath();
    pen.arc(640 + sway, 330, 150, 0, 7);
    pen.fill();
    pen.fillStyle = "white";
    pen.font = "600 130px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillText(String(number), 640 + sway, 376);
    requestAnimationFrame(paint);
  };
  requestAnimationFrame(paint);
  const sound = new AudioContext();
  navigator.mediaDevices.getUserMedia = async ({video, audio}) => new MediaStream([
    ...(video ? canvas.captureStream(30).getVideoTracks() : []),
    ...(audio ? sound.createMediaStreamDestination().stream.getAudioTracks() : []),
  ]);
}
