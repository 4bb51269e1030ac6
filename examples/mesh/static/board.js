/** A canvas to draw on, by pointer or by arrow keys (Space puts the pen down). What is drawn is a stream of its own. */
const SIZE = { width: 1280, height: 720 };
const STEP = 16;

export class Board {
  #canvas;
  #pen;
  #colour = "#4f46e5";
  #last = null;
  #cursor = { x: SIZE.width / 2, y: SIZE.height / 2 };
  #isDown = false;
  #beat;

  constructor(canvas) {
    this.#canvas = Object.assign(canvas, SIZE);
    this.#pen = canvas.getContext("2d");
    this.clear();
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
    canvas.addEventListener("keyup", ({ key }) => { if (key === " ") this.#isDown = false; });
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
      const to = { x: this.#cursor.x + way[0] * STEP, y: this.#cursor.y + way[1] * STEP };
      if (this.#isDown) {
        this.#last = this.#cursor;
        this.#draw(to);
        this.#last = null;
      }
      this.#cursor = to;
    } else return;
    event.preventDefault();
  }
}
