// What the pages of all generations share: a painted track to send, and a place to show what comes. It knows no protocol.
const query = new URLSearchParams(location.search);
const COLOURS = { red: [220, 30, 30], green: [30, 180, 30], blue: [40, 60, 220], yellow: [230, 210, 30] };

window.stage = {
  colour: query.get("colour") ?? "red",
  room: query.get("room"),
  messages: [],
  removed: [],
  connected: [],
  gone: [],

  /** A track of that colour, which never stands still. */
  paint(colour = stage.colour) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [320, 180];
    const context = canvas.getContext("2d");
    let turn = 0;
    setInterval(() => {
      context.fillStyle = `rgb(${COLOURS[colour]})`;
      context.fillRect(0, 0, 320, 180);
      context.fillStyle = "white";
      context.fillRect((turn = (turn + 4) % 320), 170, 10, 10);
    }, 40);
    return canvas.captureStream(25).getVideoTracks()[0];
  },

  tone() {
    const context = new AudioContext();
    const [source, out] = [context.createOscillator(), context.createMediaStreamDestination()];
    source.connect(out);
    source.start();
    return out.stream.getAudioTracks()[0];
  },

  show(track, peerId, label) {
    const id = `${peerId}/${label}`;
    const element = document.getElementById(id) ?? document.createElement(track.kind);
    Object.assign(element, { id, autoplay: true, muted: true, srcObject: new MediaStream([track]) });
    document.body.append(element);
    element.play().catch(() => {});
  },

  remove(peerId, label) {
    document.getElementById(`${peerId}/${label}`)?.remove();
    stage.removed.push(`${peerId}/${label}`);
  },

  /** {"peerId/label": {colour, frames}} of all pictures. */
  seen() {
    const pictures = {};
    for (const video of document.querySelectorAll("video")) {
      pictures[video.id] = { colour: colourOf(video), frames: video.getVideoPlaybackQuality().totalVideoFrames };
    }
    return pictures;
  },
};

function colourOf(video) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [1, 1];
  const context = canvas.getContext("2d");
  context.drawImage(video, 100, 50, 10, 10, 0, 0, 1, 1);
  const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
  for (const [name, [R, G, B]] of Object.entries(COLOURS)) {
    if (Math.hypot(r - R, g - G, b - B) < 90) return name;
  }
  return "";
}
