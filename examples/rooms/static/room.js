/** A room is its name, and its name is its address: `/12345` and `/?room-id=12345` are the same room. */

const LONGEST = 64;
const FIRST = "amber brave calm clever coral early gentle golden happy hazel kind lively lucky mellow quiet silver sunny swift".split(" ");
const SECOND = "bay bridge brook cedar cove field garden grove harbour hill lake lantern meadow orchard pine river shore valley".split(" ");

/** The room that an address names, or null on the start page. */
export function roomAt(url) {
  const { pathname, searchParams } = new URL(url);
  const name = searchParams.get("room-id") ?? decode(pathname.slice(1));
  return name.trim().slice(0, LONGEST) || null;
}

/** What else an address asks for: `?join` skips the preview, `?codec=H264` sends pictures in that codec. */
export function wishesOf(url) {
  const { searchParams } = new URL(url);
  return { joins: searchParams.has("join"), codec: searchParams.get("codec") ?? undefined };
}

/** What would be a path of its own, to browsers or servers, goes behind the question mark. */
export function addressOf(room) {
  const isPath = room.includes("/") || room === "." || room === "..";
  return `${location.origin}/${isPath ? "?room-id=" : ""}${encodeURIComponent(room)}`;
}

/** Hard enough to guess that nobody walks in by chance: 18 × 18 × 9000 names. */
export function randomRoom() {
  const [first, second, number] = crypto.getRandomValues(new Uint32Array(3));
  return `${FIRST[first % FIRST.length]}-${SECOND[second % SECOND.length]}-${1000 + (number % 9000)}`;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % in the address is part of the name
  }
}
