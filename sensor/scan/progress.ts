import { Fault } from '../../core/fault.ts'

/** The cursor of a walk, to be stored: all positions below `low` are finished, and those marked from there on. */
export interface SavedProgress {
  readonly low: number
  /** bit i (of byte i >> 3, the least significant first) stands for the position low + i; 1 = finished */
  readonly done: Uint8Array
}

/**
 * The cursor of a walk over the positions 0 … total − 1, which are begun in order and finished in any order.
 * It keeps one bit for each position from the first unfinished one to the last that was begun, at most
 * `windowLimit`, however long the walk is.
 */
export class Progress {
  /** number of positions, at most 2^53 − 1 */
  readonly total: number
  readonly #windowLimit: number
  /** one bit for each position of the window; a power of two bytes */
  readonly #ring: Uint8Array
  readonly #mask: number
  /** bit of the ring that stands for #low */
  #head = 0
  #low: number
  /** the next position to begin */
  #next: number
  /** after the last position that was finished before the save; those from #next on are skipped */
  readonly #restored: number
  #begun = 0
  #finished = 0

  /** Throws Fault internal when `saved` is not a cursor of a walk of this length. */
  constructor(total: number, saved?: SavedProgress, windowLimit = 1 << 20) {
    const { low, done } = saved ?? nothingDone
    if (!(Number.isSafeInteger(low) && low >= 0 && low <= total)) {
      throw new Fault('internal', `The saved cursor ${low} lies outside of the walk of ${total} positions.`)
    }
    this.total = total
    this.#windowLimit = windowLimit
    // bits of the byte in which the window begins, and of the one in which it ends, are needed as well
    const bits = Math.max(windowLimit, done.length * 8) + 16
    this.#mask = 2 ** Math.ceil(Math.log2(bits)) - 1
    this.#ring = new Uint8Array((this.#mask + 1) / 8)
    this.#low = low
    this.#next = low
    this.#finished = low
    this.#restored = this.#restore(done)
    this.#advance()
    this.#begun = this.#finished
  }

  /** positions that were begun or were finished before the save */
  get begun(): number {
    return this.#begun
  }

  get finished(): number {
    return this.#finished
  }

  get isDone(): boolean {
    return this.#finished === this.total
  }

  /** The next position to begin. −1: none is left. −2: the window is full, until an old one is finished. */
  take(): number {
    if (this.#next < this.#restored) this.#skipRestored()
    if (this.#next >= this.total) return -1
    if (this.#next - this.#low >= this.#windowLimit) return -2
    this.#begun++
    return this.#next++
  }

  /** The position is done; a second time changes nothing. Throws Fault internal when it was never begun. */
  finish(position: number): void {
    const offset = position - this.#low
    if (offset < 0 || (position < this.#end && this.#isDone(offset))) return
    if (position >= this.#next) {
      throw new Fault('internal', `Position ${position} was finished before it was begun.`)
    }
    this.#mark(offset)
    this.#finished++
    if (offset === 0) this.#advance()
  }

  /** The cursor as it is now; a copy. Costs one copy of the window's bits. */
  save(): SavedProgress {
    // from the start of a byte: the positions in front of the window are finished
    const into = this.#head % 8
    const low = this.#low - into
    const length = Math.ceil((this.#end - low) / 8)
    const done = new Uint8Array(length)
    const start = this.#head >> 3
    const first = Math.min(length, this.#ring.length - start)
    done.set(this.#ring.subarray(start, start + first))
    done.set(this.#ring.subarray(0, length - first), first)
    if (length > 0) done[0] = (done[0] ?? 0) | ((1 << into) - 1)
    return { low, done }
  }

  /** after the last position that may be marked */
  get #end(): number {
    return Math.max(this.#next, this.#restored)
  }

  #isDone(offset: number): boolean {
    const bit = (this.#head + offset) & this.#mask
    return (((this.#ring[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1
  }

  #mark(offset: number): void {
    const bit = (this.#head + offset) & this.#mask
    this.#ring[bit >> 3] = (this.#ring[bit >> 3] ?? 0) | (1 << (bit & 7))
  }

  /** marks what was finished before the save; returns the position after the last of it */
  #restore(done: Uint8Array): number {
    let end = this.#low
    for (let offset = 0; offset < done.length * 8 && this.#low + offset < this.total; offset++) {
      if ((((done[offset >> 3] ?? 0) >> (offset & 7)) & 1) === 0) continue
      this.#mark(offset)
      this.#finished++
      end = this.#low + offset + 1
    }
    return end
  }

  #skipRestored(): void {
    let offset = this.#next - this.#low
    const end = this.#restored - this.#low
    while (offset < end && this.#isDone(offset)) offset += this.#isWholeByteDone(offset) ? 8 : 1
    this.#next = this.#low + offset
  }

  /** moves the window to the first position that is not finished, and clears the bits behind it */
  #advance(): void {
    while (this.#low < this.#end && this.#isDone(0)) {
      const step = this.#isWholeByteDone(0) ? 8 : 1
      const byte = this.#head >> 3
      this.#ring[byte] = step === 8 ? 0 : (this.#ring[byte] ?? 0) & ~(1 << (this.#head & 7))
      this.#head = (this.#head + step) & this.#mask
      this.#low += step
    }
    if (this.#next < this.#low) this.#next = this.#low
  }

  #isWholeByteDone(offset: number): boolean {
    const bit = (this.#head + offset) & this.#mask
    return (bit & 7) === 0 && this.#ring[bit >> 3] === 0xff
  }
}

const nothingDone: SavedProgress = { low: 0, done: new Uint8Array(0) }
