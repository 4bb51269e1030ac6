/** Boards and screens, below the map: one's own board to draw on, what others draw and share to look at. */
export class Shelf {
  #element;

  constructor(element) {
    this.#element = element;
  }

  /** A card with something in it; the same key takes the place of the last one. */
  put(key, content, { caption, colour, deed }) {
    this.take(key);
    const card = document.createElement("figure");
    card.dataset.key = key;
    card.style.setProperty("--colour", colour);
    const words = Object.assign(document.createElement("figcaption"), { textContent: caption });
    if (deed) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: deed.text });
      button.onclick = deed.act;
      words.append(button);
    }
    card.append(content, words);
    this.#element.append(card);
    this.#element.hidden = false;
  }

  video(key, id, track, about) {
    const video = Object.assign(document.createElement("video"), {
      id, autoplay: true, playsInline: true, muted: true, srcObject: new MediaStream([track]),
    });
    this.put(key, video, about);
    video.play().catch(() => {}); // a card that is taken away again
  }

  take(key) {
    [...this.#element.children].find(({ dataset }) => dataset.key === key)?.remove();
    this.#element.hidden = !this.#element.children.length;
  }

  clear() {
    this.#element.replaceChildren();
    this.#element.hidden = true;
  }
}
