/** Who is seen on the stage: a figure for each speaker, with their picture and their sound. */
export class Stage {
  #element;
  #onSilence;
  #names = () => "";

  /** `onSilence()`: the browser plays sound only after a click. */
  constructor(element, onSilence) {
    this.#element = element;
    this.#onSilence = onSilence;
  }

  get empty() {
    return this.#element.childElementCount === 0;
  }

  /** `nameOf(peerId)`: what stands under the picture. */
  caption(nameOf) {
    this.#names = nameOf;
    for (const figure of this.#element.children) this.#write(figure);
  }

  show(peerId, label, track, { own = false } = {}) {
    const figure = this.#figureOf(peerId) ?? this.#build(peerId);
    const media = Object.assign(document.createElement(track.kind), {
      autoplay: true, playsInline: true, muted: own, srcObject: new MediaStream([track]),
    });
    Object.assign(media.dataset, { peerId, label });
    figure.classList.toggle("own", own);
    figure.querySelector(`[data-label="${label}"]`)?.remove();
    figure.querySelector("figcaption").before(media);
    media.play().catch((error) => { if (error.name === "NotAllowedError") this.#onSilence(); });
  }

  hide(peerId, label) {
    const figure = this.#figureOf(peerId);
    figure?.querySelector(`[data-label="${label}"]`)?.remove();
    if (figure && !figure.querySelector("video, audio")) figure.remove();
  }

  setMuted(peerId, muted) {
    this.#figureOf(peerId)?.classList.toggle("muted", muted);
  }

  async playAll() {
    await Promise.all([...this.#element.querySelectorAll("video, audio")].map((media) => media.play()));
  }

  clear() {
    this.#element.replaceChildren();
  }

  #figureOf(peerId) {
    return [...this.#element.children].find(({ dataset }) => dataset.peerId === peerId);
  }

  #build(peerId) {
    const figure = document.createElement("figure");
    figure.dataset.peerId = peerId;
    figure.innerHTML = '<span class="initial" aria-hidden="true"></span><figcaption></figcaption>';
    this.#element.append(figure);
    this.#write(figure);
    return figure;
  }

  #write(figure) {
    const name = this.#names(figure.dataset.peerId);
    figure.querySelector("figcaption").textContent = name;
    figure.querySelector(".initial").textContent = [...name][0]?.toUpperCase() ?? "";
  }
}
