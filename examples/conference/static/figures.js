/** The browser's statistics of each track, in a line. */
import { OWN } from "./grid.js";

export class Figures {
  #before = new Map(); // id of an entry → [bytes, time]

  /** Lines by "peerId label"; `received` are SimplePeer's tracks, `sent` the own ones by label. */
  of({ send, recv }, received, sent) {
    const lines = new Map();
    const inbound = entriesOf(recv);
    for (const { track, peerId, label } of received) {
      const entry = inbound.find(({ type, trackIdentifier }) => type === "inbound-rtp" && trackIdentifier === track.id);
      if (entry) lines.set(`${peerId} ${label}`, this.#line(entry, inbound, entry.bytesReceived));
    }
    const outbound = entriesOf(send);
    const source = outbound.find(({ type, trackIdentifier }) => type === "media-source" && trackIdentifier === sent.camera?.id);
    const entry = source && outbound.find(({ type, mediaSourceId }) => type === "outbound-rtp" && mediaSourceId === source.id);
    if (entry) lines.set(`${OWN} camera`, this.#line(entry, outbound, entry.bytesSent));
    return lines;
  }

  #line(entry, entries, bytes) {
    const codec = entries.find(({ id }) => id === entry.codecId)?.mimeType.split("/")[1] ?? "";
    const parts = entry.kind === "video" ? [`${entry.frameWidth ?? 0}×${entry.frameHeight ?? 0}`, `${entry.framesPerSecond ?? 0} fps`] : [];
    parts.push(`${this.#kbps(entry, bytes)} kbit/s`);
    if (entry.packetsLost > 0) parts.push(`${entry.packetsLost} lost`);
    return [codec, ...parts].join(" · ");
  }

  #kbps({ id, timestamp }, bytes) {
    const [bytesBefore, timeBefore] = this.#before.get(id) ?? [bytes, timestamp - 1];
    this.#before.set(id, [bytes, timestamp]);
    return Math.round(((bytes - bytesBefore) * 8) / (timestamp - timeBefore));
  }
}

function entriesOf(report) {
  return [...(report?.values() ?? [])];
}
