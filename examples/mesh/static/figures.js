/**
 * Bytes a second, of every link and of the way to the server. Each browser knows its own from getStats() and tells the
 * others, so that all can draw the whole picture.
 */
const IDLE = 100; // bytes a second of a way that is kept open

export class Figures {
  #before = new Map();
  #told = new Map();

  /** Own rates now: {server: {up, down}, links: {peerId: {up, down}}}. */
  async measure(peer) {
    const stats = await peer.getStats();
    const links = {};
    for (const [peerId, report] of Object.entries(stats.links)) links[peerId] = this.#rate(peerId, [report]);
    const server = this.#rate("", [stats.send, stats.recv]);
    return { server, links };
  }

  /** What another has measured, as JSON. Whatever else somebody sends is dropped. */
  hear(peerId, json) {
    const { server, links } = parsed(json);
    if (isRate(server) && Object.values(Object(links)).every(isRate)) this.#told.set(peerId, { server, links: Object(links) });
  }

  forget(peerId) {
    this.#told.delete(peerId);
    this.#before.delete(peerId);
  }

  clear() {
    this.#told.clear();
    this.#before.clear();
  }

  /**
   * Of all that is known: links {a, b, there (a to b), back}, each pair once, and spokes {id, up, down} to the server.
   */
  picture(ownId, own, people) {
    const all = new Map([...this.#told, [ownId, own]]);
    const links = new Map();
    const spokes = [];
    for (const [id, { server, links: theirs }] of all) {
      if (!people.get(id)) continue;
      if (server.up + server.down > IDLE) spokes.push({ id, ...server });
      for (const [other, { up, down }] of Object.entries(theirs)) {
        const [a, b] = [id, other].sort();
        if (up + down === 0 || !people.get(other) || links.has(`${a} ${b}`)) continue; // one that ends, or begins
        links.set(`${a} ${b}`, id === a ? { a, b, there: up, back: down } : { a, b, there: down, back: up });
      }
    }
    return { links: [...links.values()], spokes };
  }

  #rate(key, reports) {
    let [sent, received] = [0, 0];
    for (const report of reports) {
      for (const one of report?.values() ?? []) {
        if (one.type !== "transport") continue;
        sent += one.bytesSent ?? 0;
        received += one.bytesReceived ?? 0;
      }
    }
    const now = performance.now();
    const before = this.#before.get(key);
    this.#before.set(key, { sent, received, now });
    if (!before || sent < before.sent || received < before.received) return { up: 0, down: 0 };
    const seconds = (now - before.now) / 1000;
    return { up: Math.round((sent - before.sent) / seconds), down: Math.round((received - before.received) / seconds) };
  }
}

function parsed(json) {
  try {
    return Object(JSON.parse(json));
  } catch {
    return {};
  }
}

function isRate(rate) {
  return Number.isFinite(rate?.up) && Number.isFinite(rate?.down);
}

export function perSecond(bytes) {
  if (bytes < 1000) return `${bytes} B/s`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB/s` : `${(bytes / 1_000_000).toFixed(1)} MB/s`;
}
