/** What travels over the data channels: the parts of messages, each with the names it is routed by (docs/protocol.md). */

export const MAX_DATA_BYTES = 256 * 1024;
export const PART_BYTES = 16 * 1024;
export const MAX_NAME_CHARACTERS = 128;

const HEADER_BYTES = 14;
const MAX_PARTS = 256;
const MAX_UNFINISHED = 4;

export interface DataPart {
  text: boolean;
  /** Towards the server: to whom, "" for everybody in sight. From the server: from whom. */
  peerId: string;
  label: string;
  /** Number of the message among all that its sender has sent. */
  message: number;
  index: number;
  count: number;
  body: Uint8Array;
}

/** Where a part stands among all of its sender. */
export type PartNumber = Pick<DataPart, "message" | "index">;

/** Numbers of messages go in a circle of 2³². */
export function follows(part: PartNumber, last: PartNumber): boolean {
  const ahead = (part.message - last.message) | 0;
  return ahead === 0 ? part.index > last.index : ahead > 0;
}

export function encodePart(part: DataPart): Uint8Array<ArrayBuffer> {
  const [peerId, label] = [part.peerId, part.label].map((name) => new TextEncoder().encode(name)) as [
    Uint8Array,
    Uint8Array,
  ];
  const encoded = new Uint8Array(HEADER_BYTES + peerId.length + label.length + part.body.length);
  const header = new DataView(encoded.buffer);
  header.setUint8(0, part.text ? 1 : 0);
  header.setUint16(2, peerId.length);
  header.setUint16(4, label.length);
  header.setUint32(6, part.message);
  header.setUint16(10, part.index);
  header.setUint16(12, part.count);
  encoded.set(peerId, HEADER_BYTES);
  encoded.set(label, HEADER_BYTES + peerId.length);
  encoded.set(part.body, HEADER_BYTES + peerId.length + label.length);
  return encoded;
}

/** @throws RangeError, TypeError when it is none */
export function decodePart(encoded: ArrayBuffer): DataPart {
  const header = new DataView(encoded);
  const labelAt = HEADER_BYTES + header.getUint16(2);
  const bodyAt = labelAt + header.getUint16(4);
  const [index, count] = [header.getUint16(10), header.getUint16(12)];
  if (header.getUint8(0) > 1 || index >= count || count > MAX_PARTS) throw new RangeError("no part of a message");
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  return {
    text: header.getUint8(0) === 1,
    peerId: utf8.decode(new Uint8Array(encoded, HEADER_BYTES, labelAt - HEADER_BYTES)),
    label: utf8.decode(new Uint8Array(encoded, labelAt, bodyAt - labelAt)),
    message: header.getUint32(6),
    index,
    count,
    body: new Uint8Array(encoded, bodyAt),
  };
}

/** How many parts so many bytes make; an empty message is one. */
export function partsOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / PART_BYTES));
}

/**
 * Puts one sender's messages together. Of unfinished ones it keeps the latest few, since the others have lost parts or
 * their sender; which is all that can happen to them.
 */
export class Assembly {
  readonly #unfinished = new Map<number, Map<number, DataPart>>();

  /** @returns the message, when this was the last part of it that was missing */
  add(part: DataPart): string | ArrayBuffer | undefined {
    const parts = this.#unfinished.get(part.message) ?? new Map<number, DataPart>();
    this.#unfinished.set(part.message, parts.set(part.index, part));
    if (parts.size === part.count) {
      this.#unfinished.delete(part.message);
      return join([...parts.values()].sort((one, other) => one.index - other.index));
    }
    if (this.#unfinished.size > MAX_UNFINISHED) {
      for (const oldest of this.#unfinished.keys()) return void this.#unfinished.delete(oldest);
    }
    return undefined;
  }
}

function join(parts: DataPart[]): string | ArrayBuffer {
  const bytes = parts.reduce((sum, { body }) => sum + body.length, 0);
  if (bytes > MAX_DATA_BYTES) throw new RangeError("longer than a message may be");
  const whole = new Uint8Array(bytes);
  let position = 0;
  for (const { body } of parts) {
    whole.set(body, position);
    position += body.length;
  }
  return parts[0]?.text ? new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(whole) : whole.buffer;
}
