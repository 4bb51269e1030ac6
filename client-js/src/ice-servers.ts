/** The STUN and TURN servers of a session: those that the server tells of, unless the application knows better. */
import type { Request } from "./requests.js";
import type { IceServersAnswer } from "./types.js";

/** A list takes the place of the server's; a function makes one of it, to add to it or to choose from it. */
export type IceServersOption = RTCIceServer[] | ((fromServer: RTCIceServer[]) => RTCIceServer[]);

/** Of the lifetime of credentials: they are renewed before it is over, as they must hold while a call is set up. */
const FRESH_SHARE = 0.5;

export class IceServers {
  readonly #option: IceServersOption | undefined;
  readonly #request: Request;
  #list: RTCIceServer[] = [];
  #renewAtMs = Number.POSITIVE_INFINITY;
  #renewing: Promise<void> | undefined;

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

  /** Those of which was heard last; current() has them renewed when they have aged. */
  get known(): RTCIceServer[] {
    return this.#list;
  }

  /** What the server says now. */
  take({ iceServers, iceServersLifetimeMs }: IceServersAnswer): void {
    this.#renewAtMs =
      iceServersLifetimeMs === null ? Number.POSITIVE_INFINITY : Date.now() + iceServersLifetimeMs * FRESH_SHARE;
    this.#list = typeof this.#option === "function" ? this.#option(iceServers) : (this.#option ?? iceServers);
  }

  async #renew(): Promise<void> {
    this.take(await this.#request("getIceServers", {}));
  }
}
