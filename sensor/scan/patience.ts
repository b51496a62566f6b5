/** Bounds of the time that a connect may take, milliseconds. */
export interface ConnectBounds {
  readonly floorMs: number
  readonly ceilingMs: number
}

/**
 * How long to wait for a connection, learnt from those that came about: smoothed round trip and its deviation
 * as TCP itself does (RFC 6298), within bounds. Before anything has answered, the floor: whatever is further away is
 * asked again.
 */
export class Patience {
  readonly #bounds: ConnectBounds
  #smoothed = -1
  #deviation = 0

  constructor(bounds: ConnectBounds) {
    this.#bounds = bounds
  }

  /** A connection was accepted or refused after `ms`. */
  sample(ms: number): void {
    if (this.#smoothed < 0) {
      this.#smoothed = ms
      this.#deviation = ms / 2
      return
    }
    this.#deviation += (Math.abs(ms - this.#smoothed) - this.#deviation) / 4
    this.#smoothed += (ms - this.#smoothed) / 8
  }

  /** Milliseconds to wait for the next connection. */
  get connectMs(): number {
    const { floorMs, ceilingMs } = this.#bounds
    const wanted = this.#smoothed < 0 ? 0 : 2 * this.#smoothed + 4 * this.#deviation
    return Math.min(Math.max(wanted, floorMs), ceilingMs)
  }
}

/**
 * How many connections may be in flight: all that are allowed, less after signs of loss (a repeated
 * connection was answered, a local resource ran out), more again while there are none.
 */
export class FlightControl {
  readonly #most: number
  /** what is left when local resources run out, and when packets are lost */
  readonly #least: number
  readonly #eased: number
  #limit: number
  #heldUntil = 0

  constructor(most: number) {
    this.#most = most
    this.#least = Math.min(16, most)
    // hosts and routers that drop each first packet whatever the load must not bring a scan to a crawl
    this.#eased = Math.max(this.#least, most / 8)
    this.#limit = most
  }

  get limit(): number {
    return Math.floor(this.#limit)
  }

  /** A packet was lost at `now` (ticks); one loss within `spanMs` counts. */
  lost(now: number, spanMs: number): void {
    this.#shrink(now, spanMs, this.#eased)
  }

  /** A local resource ran out at `now` (ticks), likewise. */
  ranOut(now: number, spanMs: number): void {
    this.#shrink(now, spanMs, this.#least)
  }

  /** A connection was answered at its first try. */
  answered(): void {
    if (this.#limit < this.#most) this.#limit = Math.min(this.#most, this.#limit + 8 / this.#limit)
  }

  #shrink(now: number, spanMs: number, least: number): void {
    if (now < this.#heldUntil) return
    this.#heldUntil = now + spanMs
    this.#limit = Math.min(this.#limit, Math.max(least, this.#limit * 0.7))
  }
}
