/** One tile of the carousel: a button with a picture, or the initial of who sends none. */

export class Tile {
  /**
   * `owner`: {peerId} of somebody else, or {own: true}. `label`: which of their pictures ("webcam", "screen").
   * `onChoose` is called when the tile is clicked or Enter is pressed on it.
   */
  constructor(owner, label, onChoose) {
    this.owner = owner;
    this.label = label;
    this.track = null;

    this.video = document.createElement("video");
    Object.assign(this.video, { muted: true, autoplay: true, playsInline: true });
    this.avatar = element("span", "avatar", element("span"));
    this.avatar.ariaHidden = "true";
    this.caption = element("span", "tile-name");
    this.button = element("button", "tile", this.avatar, this.caption);
    Object.assign(this.button, { type: "button", title: "Show large" });
    this.button.setAttribute("aria-pressed", "false");
    this.button.addEventListener("click", () => onChoose(this));
    this.item = element("li", "", this.button);

    const data = owner.own ? { own: "", label } : { peerId: owner.peerId, label };
    Object.assign(this.button.dataset, data);
    Object.assign(this.video.dataset, data);
    if (owner.own && label === "webcam") this.video.classList.add("own");
    this.setHue(this.avatar);
  }

  /** `track`: null while there is no picture to show. */
  update({ name, track, silent }) {
    this.name = name;
    this.track = track;
    showTrack(this.video, track);
    if (!track) this.video.remove();
    else if (!this.video.isConnected) this.avatar.after(this.video);
    this.avatar.firstChild.textContent = initialOf(name);
    this.caption.textContent = this.title;
    if (silent) this.caption.append(icon("mic-off", "is muted"));
  }

  get title() {
    const whose = this.owner.own ? "You" : this.name;
    return this.label === "screen" ? `${whose} · screen` : whose;
  }

  set speaking(speaking) {
    this.button.classList.toggle("speaking", speaking);
  }

  set projected(projected) {
    this.button.setAttribute("aria-pressed", String(projected));
  }

  /** A colour of its own for everybody, from their id. */
  setHue(avatar) {
    const id = this.owner.peerId ?? "own";
    const hash = [...id].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) >>> 0, 7);
    avatar.style.setProperty("--hue", String(hash % 360));
  }

  remove() {
    showTrack(this.video, null);
    this.item.remove();
  }
}

export function showTrack(video, track) {
  if ((video.srcObject?.getVideoTracks()[0] ?? null) === track) return; // a new srcObject would flicker
  video.srcObject = track && new MediaStream([track]);
}

export function initialOf(name) {
  return [...name.trim()][0]?.toUpperCase() ?? "?";
}

export function icon(name, description) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.append(document.createElementNS(svg.namespaceURI, "use"));
  svg.firstChild.setAttribute("href", `#i-${name}`);
  if (description) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", description);
  } else {
    svg.setAttribute("aria-hidden", "true");
  }
  return svg;
}

function element(tag, className, ...children) {
  const created = document.createElement(tag);
  created.className = className;
  created.append(...children);
  return created;
}
