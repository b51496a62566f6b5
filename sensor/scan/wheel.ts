import { Fault } from '../../core/fault.ts'

// A handle is the number of an entry, and how often that entry was given back: 31 bits, so that V8 keeps it
// without an object of its own.
const entryBits = 20
const entryMask = 2 ** entryBits - 1
const generationMask = 2 ** (31 - entryBits) - 1

/**
 * Time-outs of many things at once: a hashed timing wheel (Varghese and Lauck 1987, scheme 6). An entry takes
 * no timer and no object; adding and removing one costs the same however many there are. What lies further
 * ahead than `tickMs × slots` stays in its slot for another round.
 */
export class Wheel<T> {
  readonly #tickMs: number
  readonly #slotMask: number
  // Rings of numbers, doubly linked. 0 … slots − 1 are the heads of the slots, #batch that of the entries that
  // are looked at right now; the numbers above are entries.
  readonly #batch: number
  #after: Int32Array
  #before: Int32Array
  #at: Float64Array
  #generation: Uint16Array
  readonly #items: (T | undefined)[]
  /** the first unused entry, linked by #after; 0 = none */
  #unused = 0
  /** the slots before this tick are empty but for later rounds */
  #tick = -Infinity
  #size = 0

  /** `slots` is rounded up to a power of two. */
  constructor(tickMs: number, slots: number) {
    const count = 2 ** Math.ceil(Math.log2(slots))
    this.#tickMs = tickMs
    this.#slotMask = count - 1
    this.#batch = count
    this.#after = Int32Array.from({ length: count + 1 }, (_, head) => head)
    this.#before = this.#after.slice()
    this.#at = new Float64Array(count + 1)
    this.#generation = new Uint16Array(count + 1)
    this.#items = Array.from({ length: count + 1 })
  }

  /** entries that are neither removed nor expired */
  get size(): number {
    return this.#size
  }

  /**
   * Notes that the item's time is up at `atMs` (monotonic). Returns a handle for `remove`, never 0. Throws
   * Fault internal at more than about a million entries.
   */
  add(item: T, atMs: number): number {
    if (this.#unused === 0) this.#grow()
    const entry = this.#unused
    this.#unused = this.#after[entry] ?? 0
    this.#items[entry] = item
    this.#at[entry] = atMs
    this.#link(entry, this.#slotOf(atMs))
    this.#size++
    return ((this.#generation[entry] ?? 0) << entryBits) | entry
  }

  /** Takes an entry out. Nothing happens for 0, and when it was removed or has expired. */
  remove(handle: number): void {
    const entry = handle & entryMask
    if (entry <= this.#batch || this.#generation[entry] !== handle >> entryBits) return
    this.#unlink(entry)
    this.#free(entry)
  }

  /**
   * Calls for each item whose time is `now` or earlier, in the order of their ticks. `call` may add and remove
   * entries; what it adds is looked at by the next `expire` at the soonest.
   */
  expire(now: number, call: (item: T) => void): void {
    const last = Math.floor(now / this.#tickMs)
    const first = Math.max(this.#tick, last - this.#slotMask)
    this.#tick = last
    for (let tick = first; tick <= last; tick++) this.#detach(tick & this.#slotMask)
    for (let entry = this.#first(); entry !== this.#batch; entry = this.#first()) {
      this.#unlink(entry)
      const at = this.#at[entry] ?? 0
      if (at > now) this.#link(entry, this.#slotOf(at))
      else call(this.#free(entry))
    }
  }

  #first(): number {
    return this.#after[this.#batch] ?? this.#batch
  }

  // what is late already goes to the slot that is looked at next
  #slotOf(atMs: number): number {
    return Math.max(Math.floor(atMs / this.#tickMs), this.#tick) & this.#slotMask
  }

  /** moves all entries of the slot to the end of the batch */
  #detach(slot: number): void {
    const first = this.#after[slot] ?? slot
    if (first === slot) return
    const last = this.#before[slot] ?? slot
    this.#join(slot, slot)
    this.#join(this.#before[this.#batch] ?? this.#batch, first)
    this.#join(last, this.#batch)
  }

  #link(entry: number, slot: number): void {
    this.#join(this.#before[slot] ?? slot, entry)
    this.#join(entry, slot)
  }

  #unlink(entry: number): void {
    this.#join(this.#before[entry] ?? entry, this.#after[entry] ?? entry)
  }

  #join(left: number, right: number): void {
    this.#after[left] = right
    this.#before[right] = left
  }

  #free(entry: number): T {
    const item = this.#items[entry] as T
    this.#items[entry] = undefined
    this.#generation[entry] = ((this.#generation[entry] ?? 0) + 1) & generationMask
    this.#after[entry] = this.#unused
    this.#unused = entry
    this.#size--
    return item
  }

  #grow(): void {
    const old = this.#after.length
    const length = Math.min(old * 2, entryMask)
    if (length === old) throw new Fault('internal', `The wheel bears no more than ${old} entries.`)
    this.#after = grown(this.#after, new Int32Array(length))
    this.#before = grown(this.#before, new Int32Array(length))
    this.#at = grown(this.#at, new Float64Array(length))
    this.#generation = grown(this.#generation, new Uint16Array(length))
    for (let entry = length - 1; entry >= old; entry--) {
      this.#after[entry] = this.#unused
      this.#unused = entry
    }
    while (this.#items.length < length) this.#items.push(undefined)
  }
}

function grown<A extends Int32Array | Float64Array | Uint16Array>(old: A, fresh: A): A {
  fresh.set(old)
  return fresh
}
