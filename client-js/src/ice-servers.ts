/** The STUN and TURN servers of a session: those that the server tells of, unless the application knows better. */
import type { Request } from "./requests.js";
import type { IceServersAnswer } from "./types.js";

/** A list takes the place of the server's; a function makes one of it, to add to it or to choose from it. */
export type IceServersOption = RTCIceServer[] | ((fromServer: RTCIceServer[]) => RTCIceServer[]);

/** Of the lifetime of credentials: they are renewed before it is over, as they must hold while a call is set up. */
const FRESH_SHARE = 0.5;
/** After a renewal that failed; and no lifetime is so short that they are renewed more often. */
const RETRY_MS = 10_000;
/** Of a timer; the lifetime of credentials may be longer. */
const MAX_WAIT_MS = 2 ** 31 - 1;

export class IceServers {
  readonly #option: IceServersOption | undefined;
  readonly #request: Request;
  #list: RTCIceServer[] = [];
  #renewAtMs = Number.POSITIVE_INFINITY;
  #renewing: Promise<void> | undefined;
  #keeping = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(option: IceServersOption | undefined, offered: IceServersAnswer, request: Request) {
    this.#option = option;
    this.#request = request;
    this.take(offered);
  }

  /** Good for some time from now on; another array when they have been renewed. */
  async current(): Promise<RTCIceServer[]> {
    if (Date.now() >= this.#renewAtMs && !Array.isArray(this.#option)) {
      this.#renewing ??= this.#renew().finally(() => {
        this.#renewing = undefined;
      });
      await this.#renewing;
    }
    return this.#list;
  }

  /** Those of which was heard last, for who cannot wait; keepFresh() has them renewed in time. */
  get known(): RTCIceServer[] {
    return this.#list;
  }

  /** Has them renewed in time from now on, until close(). */
  keepFresh(): void {
    this.#keeping = true;
    this.#schedule();
  }

  close(): void {
    this.#keeping = false;
    clearTimeout(this.#timer);
  }

  /** What the server says now. */
  take({ iceServers, iceServersLifetimeMs }: IceServersAnswer): void {
    this.#renewAtMs =
      iceServersLifetimeMs === null ? Number.POSITIVE_INFINITY : Date.now() + iceServersLifetimeMs * FRESH_SHARE;
    this.#list = typeof this.#option === "function" ? this.#option(iceServers) : (this.#option ?? iceServers);
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (!this.#keeping || this.#renewAtMs === Number.POSITIVE_INFINITY || Array.isArray(this.#option)) return;
    const waitMs = Math.min(Math.max(this.#renewAtMs - Date.now(), RETRY_MS), MAX_WAIT_MS);
    this.#timer = setTimeout(() => void this.#renewInTime(), waitMs);
  }

  async #renewInTime(): Promise<void> {
    await this.current().catch(() => undefined); // whoever needs them then hears of it; here it is tried again
    this.#schedule();
  }

  async #renew(): Promise<void> {
    this.take(await this.#request("getIceServers", {}));
  }
}
