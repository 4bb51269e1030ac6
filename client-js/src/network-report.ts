/** What a check of the network tells, in plain words. Pure functions of what was found. */

/** One way for media, and whether it is open. */
export interface NetworkWay {
  ok: boolean;
  /** null when it is not open, or the browser does not tell. */
  rttMs: number | null;
  message: string;
  /** What to do about it; "" when there is nothing to do. */
  hint: string;
}

export interface NetworkReport {
  /** Whether calls work at all. */
  ok: boolean;
  udp: NetworkWay;
  tcp: NetworkWay;
  turn: NetworkWay;
  summary: string;
  hint: string;
}

/** What was found out about one way. */
export interface Finding {
  /** "none": there is nothing to try; "silent": nothing came back in time. */
  outcome: "connected" | "silent" | "none";
  rttMs: number | null;
  /** Where to: addresses and ports of the server, or URLs of TURN servers. */
  targets: string[];
  /** Of the TURN server that was used. */
  via?: string;
  /** What TURN servers answered that refused. */
  complaint?: { code: number; text: string; url: string };
}

export interface Findings {
  udp: Finding;
  tcp: Finding;
  turn: Finding;
}

const UNAUTHORIZED = 401;

export function report(found: Findings): NetworkReport {
  const udp = direct("UDP", found.udp);
  const tcp = direct("TCP", found.tcp);
  const turn = relayed(found.turn);
  const ok = udp.ok || tcp.ok || turn.ok;
  return { ok, udp, tcp, turn, summary: summaryOf(udp, tcp, turn), hint: hintOf(udp, tcp, turn, found) };
}

function direct(protocol: "UDP" | "TCP", { outcome, rttMs, targets }: Finding): NetworkWay {
  const where = targets.join(", ");
  if (outcome === "connected") return { ok: true, rttMs, message: `${protocol} works${inTime(rttMs)}`, hint: "" };
  if (outcome === "none") {
    const hint = protocol === "TCP" ? "on the server: MediaManager(sio, tcp=True)" : "";
    return { ok: false, rttMs: null, message: `the server takes no media over ${protocol}`, hint };
  }
  return {
    ok: false,
    rttMs: null,
    message: `nothing comes back over ${protocol} from ${where}`,
    hint: opening(protocol, targets),
  };
}

function relayed({ outcome, rttMs, targets, via, complaint }: Finding): NetworkWay {
  if (outcome === "connected") {
    return { ok: true, rttMs, message: `TURN works${via ? `, by ${via}` : ""}${inTime(rttMs)}`, hint: "" };
  }
  if (outcome === "none") {
    const hint = "for networks that let nothing else out: MediaManager(sio, turn_urls=…, turn_secret=…)";
    return { ok: false, rttMs: null, message: "there is no TURN server to try", hint };
  }
  if (complaint?.code === UNAUTHORIZED) {
    return {
      ok: false,
      rttMs: null,
      message: `${complaint.url} refuses the credentials`,
      hint: "is turn_secret its static-auth-secret, and are both clocks right?",
    };
  }
  const said = complaint?.text ? ` (${complaint.text})` : "";
  return {
    ok: false,
    rttMs: null,
    message: `no way through ${targets.join(", ")}${said}`,
    hint: "is the TURN server running, can it be reached from here, and may it send to the server's UDP port?",
  };
}

function inTime(rttMs: number | null): string {
  return rttMs === null ? "" : ` (${rttMs} ms there and back)`;
}

function opening(protocol: string, targets: string[]): string {
  const ports = [...new Set(targets.map(portOf))].join(", ");
  return `open ${protocol} port ${ports} in the firewalls at both ends: of the server inwards, of this network outwards`;
}

function summaryOf(udp: NetworkWay, tcp: NetworkWay, turn: NetworkWay): string {
  if (udp.ok) return "Calls work here, over UDP: the best way there is.";
  if (tcp.ok) return "Calls work here over TCP; UDP is blocked, so lost packets will hold up pictures and sound.";
  if (turn.ok) return "Calls work here by TURN only: neither UDP nor TCP reaches the server directly.";
  return "Calls do not work here: no way for media is open.";
}

/** The first thing to do. */
function hintOf(udp: NetworkWay, tcp: NetworkWay, turn: NetworkWay, found: Findings): string {
  if (udp.ok) return "";
  if (tcp.ok) return udp.hint;
  const hidden = found.udp.targets.map(addressOf).find(isPrivate);
  const announce = hidden
    ? `the server says that it is at ${hidden}, a private address: for those outside, MediaManager(sio, announce=…) must name its public one`
    : "";
  if (turn.ok) return [udp.hint, announce].filter(Boolean).join("; or ");
  return [announce, udp.hint, tcp.hint, turn.hint].filter(Boolean).join("; or ");
}

function portOf(target: string): string {
  return target.slice(target.lastIndexOf(":") + 1);
}

function addressOf(target: string): string {
  return target.slice(0, target.lastIndexOf(":")).replace(/[[\]]/g, "");
}

/** RFC 1918, RFC 6598, RFC 4193, link-local and loopback. */
export function isPrivate(address: string): boolean {
  return (
    /^(10|127|169\.254|192\.168|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(address) ||
    /^(::1$|f[cd]|fe[89ab])/i.test(address)
  );
}
