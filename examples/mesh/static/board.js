/**
 * A canvas to draw on, by pointer or by arrow keys (Space puts the pen down). What is drawn is a stream of its own; where
 * the keys have moved the pen is shown over it, and to its owner only.
 */
const SIZE = { width: 1280, height: 720 };
const STEP = 16;

export class Board {
  element = document.createElement("div");
  #canvas;
  #mark;
  #pen;
  #colour = "#4f46e5";
  #last = null;
  #cursor = { x: SIZE.width / 2, y: SIZE.height / 2 };
  #isDown = false;
  #beat;

  constructor() {
    this.element.className = "board";
    this.element.innerHTML =
      '<canvas id="drawing" tabindex="0" role="application" aria-label="Board: draw with the pointer, or with arrow keys while Space is held"></canvas>' +
      `<svg class="pen" viewBox="0 0 ${SIZE.width} ${SIZE.height}" aria-hidden="true"><g><circle r="14"/><circle r="14"/></g></svg>`;
    const [canvas, mark] = this.element.children;
    this.#canvas = Object.assign(canvas, SIZE);
    this.#mark = mark;
    this.#pen = canvas.getContext("2d");
    this.clear();
    this.#showPen();
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#last = this.#at(event);
      this.#draw(this.#last);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.#last) return;
      for (const one of event.getCoalescedEvents?.() ?? [event]) this.#draw(this.#at(one));
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { this.#last = null; });
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("keyup", ({ key }) => { if (key === " ") this.#lift(); });
    canvas.addEventListener("blur", () => this.#lift());
  }

  set colour(colour) {
    this.#colour = colour;
  }

  /** The track of the canvas. A canvas that nobody touches gives no frames: those who come later want one. */
  open() {
    const { x, y } = { x: SIZE.width - 1, y: SIZE.height - 1 };
    let isOdd = false;
    this.#beat = setInterval(() => {
      this.#pen.fillStyle = (isOdd = !isOdd) ? "#fefefe" : "#ffffff";
      this.#pen.fillRect(x, y, 1, 1);
    }, 400);
    return this.#canvas.captureStream(12).getVideoTracks()[0];
  }

  close() {
    clearInterval(this.#beat);
  }

  focus() {
    this.#canvas.focus();
  }

  clear() {
    this.#pen.fillStyle = "#ffffff";
    this.#pen.fillRect(0, 0, SIZE.width, SIZE.height);
  }

  #at({ clientX, clientY }) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return { x: ((clientX - left) / width) * SIZE.width, y: ((clientY - top) / height) * SIZE.height };
  }

  #draw(to) {
    const pen = this.#pen;
    Object.assign(pen, { strokeStyle: this.#colour, lineWidth: 7, lineCap: "round", lineJoin: "round" });
    pen.beginPath();
    pen.moveTo(this.#last.x, this.#last.y);
    pen.lineTo(to.x, to.y + (to.x === this.#last.x && to.y === this.#last.y ? 0.1 : 0));
    pen.stroke();
    this.#last = to;
  }

  #key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === " ") this.#isDown = true;
    else if (way) {
      const to = { x: within(this.#cursor.x + way[0] * STEP, SIZE.width), y: within(this.#cursor.y + way[1] * STEP, SIZE.height) };
      if (this.#isDown) {
        this.#last = this.#cursor;
        this.#draw(to);
        this.#last = null;
      }
      this.#cursor = to;
    } else return;
    event.preventDefault();
    this.#showPen();
  }

  #lift() {
    this.#isDown = false;
    this.#showPen();
  }

  #showPen() {
    this.#mark.classList.toggle("down", this.#isDown);
    this.#mark.firstChild.setAttribute("transform", `translate(${this.#cursor.x} ${this.#cursor.y})`);
  }
}

function within(at, length) {
  return Math.min(Math.max(at, 0), length);
}
