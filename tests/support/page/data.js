// Messages that can be told apart and checked: the same as in tests/support/messages.py.

const UNIT = "ż🦆a";
const PREFIX = 8;

const crcTable = Uint32Array.from({length: 256}, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

function message(number, size, text) {
  if (text) {
    const length = size - PREFIX;
    return String(number).padStart(PREFIX, "0") + UNIT.repeat(Math.floor(length / 7)) + "a".repeat(length % 7);
  }
  const pattern = Uint8Array.from({length: Math.min(size, 1 << 16)}, (_, i) => i * 7 + (i >> 8) + number * 13);
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += pattern.length) bytes.set(pattern.subarray(0, size - at), at);
  return bytes;
}

/** The functions of the harness that are about data. */
export function dataFunctions(currentPeer) {
  const heard = [];

  function listenToData() {
    currentPeer().on("data", ({from, data, label}) => {
      const text = typeof data === "string";
      const bytes = text ? new TextEncoder().encode(data) : new Uint8Array(data);
      heard.push({from, label, text, size: bytes.length, crc: crc32(bytes), at: performance.now()});
    });
  }

  /** One after the other, waiting for each. `everyMs`: so much time between them. */
  async function sendData({first = 0, count = 1, size, text = false, everyMs = 0, ...how}) {
    const peer = currentPeer();
    const began = performance.now();
    let mostBuffered = 0;
    for (let number = first; number < first + count; number++) {
      const sending = peer.send(message(number, size, text), how);
      mostBuffered = Math.max(mostBuffered, peer.bufferedAmount);
      await sending;
      if (everyMs) await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
    return {tookMs: performance.now() - began, mostBuffered};
  }

  return {listenToData, sendData, heardData: () => heard, bufferedAmount: () => currentPeer().bufferedAmount};
}
