/** Bounds of the time that a connect may take, milliseconds. */
export interface ConnectBounds {
  readonly floorMs: number
  readonly ceilingMs: number
}

/**
 * How long to wait for a connection, learnt from those that came about: smoothed round trip and its deviation
 * as TCP itself does (RFC 6298), within bounds. Before anything has answered, twice the floor.
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
    const wanted = this.#smoothed < 0 ? 2 * floorMs : 2 * this.#smoothed + 4 * this.#deviation
    return Math.min(Math.max(wanted, floorMs), ceilingMs)
  }
}

/**
 * How many connections may be in flight: all that are allowed, less after signs of loss (a repeated
 * connection was answered, a local resource ran out), more again while there are none.
 */
export class FlightControl {
  readonly #most: number
  readonly #least: number
  #limit: number
  #heldUntil = 0

  constructor(most: number) {
    this.#most = most
    this.#least = Math.min(16, most)
    this.#limit = most
  }

  get limit(): number {
    return Math.floor(this.#limit)
  }

  /** Something was lost at `now` (ticks); one loss within `spanMs` counts. */
  lost(now: number, spanMs: number): void {
    if (now < this.#heldUntil) return
    this.#heldUntil = now + spanMs
    this.#limit = Math.max(this.#least, this.#limit * 0.7)
  }

  /** A connection was answered at its first try. */
  answered(): void {
    if (this.#limit < this.#most) this.#limit = Math.min(this.#most, this.#limit + 8 / this.#limit)
  }
}
