/** Writes the length-prefixed structures of TLS (RFC 8446 §3) into one growing buffer. */
export class ByteWriter {
  #bytes = new Uint8Array(512)
  #length = 0

  u8(value: number): this {
    this.#room(1)
    this.#bytes[this.#length++] = value
    return this
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value & 255)
  }

  u24(value: number): this {
    return this.u8(value >>> 16).u16(value & 0xffff)
  }

  raw(bytes: Uint8Array): this {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
    return this
  }

  text(ascii: string): this {
    return this.raw(Buffer.from(ascii, 'latin1'))
  }

  /** a vector: what `fill` writes, behind its length in `size` bytes */
  vector(size: 1 | 2 | 3, fill: (writer: this) => void): this {
    const start = this.#length
    this.#room(size)
    this.#length += size
    fill(this)
    const length = this.#length - start - size
    for (let at = 0; at < size; at++) this.#bytes[start + at] = (length >>> (8 * (size - 1 - at))) & 255
    return this
  }

  /** a copy of what was written */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count))
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

/** Big-endian numbers; the caller has checked that they are there. */
export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

export function u24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 16) | u16(bytes, at + 1)
}

/** The bytes of several pieces in a row. */
export function join(...pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** A copy. (`slice` of a Buffer is a view, so it will not do.) */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}
