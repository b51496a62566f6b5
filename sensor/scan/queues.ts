/** First in, first out, as a ring that grows: push and shift cost the same however long it is. */
export class Fifo<T> {
  #ring: (T | undefined)[] = Array.from({ length: 4 })
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(item: T): void {
    if (this.#size === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = item
    this.#size++
  }

  /** Takes the oldest item, or undefined when there is none. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#size--
    return item
  }

  // in order from the start, so that the ring's length stays a power of two
  #grow(): void {
    const { length } = this.#ring
    const grown: (T | undefined)[] = Array.from({ length: length * 2 })
    for (let at = 0; at < length; at++) grown[at] = this.#ring[(this.#head + at) & (length - 1)]
    this.#ring = grown
    this.#head = 0
  }
}

/** What can stand in a {@link Timetable}: in one at a time. The fields are the timetable's. */
export interface Timed {
  /** when its turn comes, milliseconds */
  at: number
  /** its place in the heap, -1 outside */
  index: number
}

/** Things by the time of their turn, the earliest first: a binary heap whose entries can be moved and removed. */
export class Timetable<N extends Timed> {
  readonly #heap: N[] = []

  get size(): number {
    return this.#heap.length
  }

  /** the one whose turn comes first */
  get first(): N | undefined {
    return this.#heap[0]
  }

  has(node: N): boolean {
    return node.index >= 0 && this.#heap[node.index] === node
  }

  /** Enters the node, or moves it, to the time `at`. */
  set(node: N, at: number): void {
    const earlier = !this.has(node) || at < node.at
    if (!this.has(node)) node.index = this.#heap.push(node) - 1
    node.at = at
    if (earlier) this.#rise(node)
    else this.#sink(node)
  }

  /** Takes the node out; nothing happens when it is not in. */
  remove(node: N): void {
    if (!this.has(node)) return
    const { index } = node
    node.index = -1
    const last = this.#heap.pop()
    if (last === undefined || last === node) return
    this.#put(last, index)
    this.#rise(last)
    this.#sink(last)
  }

  #put(node: N, index: number): void {
    node.index = index
    this.#heap[index] = node
  }

  #rise(node: N): void {
    let { index } = node
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = this.#heap[above]
      if (parent === undefined || parent.at <= node.at) break
      this.#put(parent, index)
      index = above
    }
    this.#put(node, index)
  }

  #sink(node: N): void {
    let { index } = node
    for (;;) {
      const left = this.#heap[2 * index + 1]
      const right = this.#heap[2 * index + 2]
      const child = right !== undefined && left !== undefined && right.at < left.at ? right : left
      if (child === undefined || child.at >= node.at) break
      const below = child.index
      this.#put(child, index)
      index = below
    }
    this.#put(node, index)
  }
}
