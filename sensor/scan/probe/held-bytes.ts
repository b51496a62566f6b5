/** Bytes that the open connections of one thread may hold together: what peers sent of records and messages so far. */
export const mostHeldBytes = 64 << 20

/** how far over {@link mostHeldBytes} a moment may go before the largest are ended: a quarter more */
const hardLimit = mostHeldBytes + (mostHeldBytes >> 2)

/**
 * Counts what open connections hold of unfinished answers. Each is bounded by itself; a thousand peers that send
 * a large flight and stall before its end are bounded by this. Whoever watches ends the largest once it is
 * {@link crowded}; what comes in between is refused at a hard limit.
 */
export class HeldBytes {
  #total = 0

  get total(): number {
    return this.#total
  }

  /** must somebody let go? */
  get crowded(): boolean {
    return this.#total > mostHeldBytes
  }

  /** So many more are held (less, when negative); false when that is more than can be allowed. */
  add(bytes: number): boolean {
    this.#total += bytes
    return bytes <= 0 || this.#total <= hardLimit
  }
}
