/**
 * Files, in pieces over peer.send(): to one person each, after that one has accepted. Messages of the label "file" are
 * about them: offer, accept, got, cancel; those of the label "piece" are the number of the file (4 bytes) and its bytes.
 */
const PIECE_BYTES = 128 * 1024;
const TOLD_EVERY_BYTES = 512 * 1024;
const LARGEST_BYTES = 512 * 1024 * 1024;

export class Files {
  #outgoing = new Map();
  #incoming = new Map();
  #number = Math.floor(Math.random() * 1e9);
  #peer;
  #changed;

  /** peer(): the SimplePeer of now. changed(transfer): {key, name, size, done, state, from | to, url, …} is to be drawn. */
  constructor(peer, changed) {
    this.#peer = peer;
    this.#changed = changed;
  }

  /** Offers it; `to` gets it when it accepts. */
  async offer(file, to) {
    const number = ++this.#number;
    const transfer = { key: `out ${number}`, number, to, file, name: file.name, size: file.size, done: 0, state: "offered" };
    this.#outgoing.set(number, transfer);
    this.#changed(transfer);
    await this.#say(to, { type: "offer", number, name: file.name, size: file.size, mime: file.type });
  }

  async accept(transfer) {
    this.#set(transfer, "running");
    await this.#say(transfer.from, { type: "accept", number: transfer.number });
    if (transfer.size === 0) this.#came(transfer, new ArrayBuffer());
  }

  /** By this end; the other is told. */
  async cancel(transfer) {
    this.#set(transfer, "cancelled");
    await this.#say(transfer.to ?? transfer.from, { type: "cancel", number: transfer.number, yours: !transfer.to });
  }

  /** What peer.on("data") brings. Whether it was about files. */
  hear({ from, data, label }) {
    if (label === "piece") this.#gotPiece(from, data);
    else if (label === "file") this.#gotWord(from, JSON.parse(data));
    else return false;
    return true;
  }

  /** A person has left, and their files with them. */
  left(peerId) {
    for (const transfer of [...this.#outgoing.values(), ...this.#incoming.values()]) {
      if ((transfer.to ?? transfer.from) === peerId && isOpen(transfer)) this.#set(transfer, "lost");
    }
  }

  #gotWord(from, { type, number, yours, bytes, name, size, mime }) {
    const key = `${from} ${number}`;
    if (type === "offer") {
      const transfer = { key: `in ${key}`, number, from, name: String(name), size, mime, done: 0, state: "asked", pieces: [] };
      this.#incoming.set(key, transfer);
      this.#set(transfer, size <= LARGEST_BYTES ? "asked" : "too large");
      return;
    }
    const transfer = type === "cancel" && !yours ? this.#incoming.get(key) : this.#outgoing.get(number);
    if (!transfer || !isOpen(transfer) || (transfer.to ?? transfer.from) !== from) return;
    if (type === "cancel") this.#set(transfer, "cancelled");
    else if (type === "accept") this.#send(transfer).catch((error) => this.#set(transfer, error.message));
    else if (type === "got") {
      transfer.done = bytes;
      this.#set(transfer, bytes === transfer.size ? "done" : "running");
    }
  }

  async #send(transfer) {
    this.#set(transfer, "running");
    for (let at = 0; at < transfer.size && transfer.state === "running"; at += PIECE_BYTES) {
      const bytes = await transfer.file.slice(at, at + PIECE_BYTES).arrayBuffer();
      const piece = new Uint8Array(4 + bytes.byteLength);
      new DataView(piece.buffer).setUint32(0, transfer.number);
      piece.set(new Uint8Array(bytes), 4);
      await this.#peer().send(piece, { to: transfer.to, label: "piece" }); // waits while the network is full
    }
  }

  #gotPiece(from, data) {
    const transfer = this.#incoming.get(`${from} ${new DataView(data).getUint32(0)}`);
    if (transfer?.state === "running") this.#came(transfer, data.slice(4));
  }

  #came(transfer, piece) {
    transfer.pieces.push(piece);
    const before = transfer.done;
    transfer.done += piece.byteLength;
    const isWhole = transfer.done >= transfer.size;
    if (isWhole) {
      transfer.url = URL.createObjectURL(new Blob(transfer.pieces, { type: "application/octet-stream" }));
      transfer.pieces = [];
    }
    this.#set(transfer, isWhole ? "done" : "running");
    if (isWhole || Math.floor(before / TOLD_EVERY_BYTES) !== Math.floor(transfer.done / TOLD_EVERY_BYTES)) {
      this.#say(transfer.from, { type: "got", number: transfer.number, bytes: transfer.done }).catch(() => this.#set(transfer, "lost"));
    }
  }

  #set(transfer, state) {
    transfer.state = state;
    if (!isOpen(transfer) && transfer.pieces) transfer.pieces = [];
    this.#changed(transfer);
  }

  #say(to, word) {
    return this.#peer().send(JSON.stringify(word), { to, label: "file" });
  }
}

export function isOpen({ state }) {
  return ["offered", "asked", "running"].includes(state);
}
