import { Fault } from '../core/fault.ts'

/** Identifier octets of the elements that X.509 is made of (X.690 §8.1.2). */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  generalString: 0x1b,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31
} as const

/** What is read: how messages name it, what to do about a broken one, and its longest form in bytes. */
export interface DerSubject {
  readonly name: string
  readonly remedy: string
  readonly maxBytes: number
}

/** The largest certificates in the wild have some 100 kB. */
const certificateSubject: DerSubject = {
  name: 'certificate',
  remedy: 'Give one X.509 certificate, PEM or DER.',
  maxBytes: 1 << 20
}

/**
 * Walks over DER (X.690 §10) without copying and without recursion: one cursor inside one span. Every step
 * consumes at least two bytes of the span or throws, so that a walk always ends, and never reads outside.
 * Lengths must be definite and minimal, tag numbers below 31. Anything else throws a Fault certificate-malformed
 * that names the field and the byte.
 */
export class DerReader {
  readonly bytes: Buffer
  /** where the next element begins */
  at: number
  /** end of the span being read */
  end: number
  /** identifier octet of the element read last */
  tag = 0
  /** content of the element read last: bytes start … stop − 1 */
  start = 0
  stop = 0
  readonly #subject: DerSubject

  constructor(der: Uint8Array, subject = certificateSubject) {
    this.#subject = subject
    this.bytes = Buffer.isBuffer(der) ? der : Buffer.from(der.buffer, der.byteOffset, der.byteLength)
    this.at = 0
    this.end = der.byteLength
    if (der.byteLength > subject.maxBytes) this.fail(`has more than ${subject.maxBytes} bytes`, subject.name)
  }

  /** Is there another element in the span? */
  more(): boolean {
    return this.at < this.end
  }

  /** Identifier octet of the next element, −1 at the end of the span. */
  ahead(): number {
    return this.at < this.end ? (this.bytes[this.at] as number) : -1
  }

  /** Reads the next element of any type and steps over it; its identifier octet. */
  next(field: string): number {
    const { bytes, at, end } = this
    if (at + 2 > end) this.fail('ends too early', field)
    const tag = bytes[at] as number
    if ((tag & 0x1f) === 0x1f) this.fail('has a tag number above 30', field)
    let length = bytes[at + 1] as number
    let start = at + 2
    if (length > 0x7f) {
      length = this.#longLength(start, length & 0x7f, field)
      start = this.start
    }
    if (length > end - start) this.fail('is longer than what holds it', field)
    this.tag = tag
    this.start = start
    this.stop = start + length
    this.at = this.stop
    return tag
  }

  /** Reads the next element, which must be of one type, and steps over it. */
  expect(tag: number, field: string): void {
    if (this.next(field) !== tag) this.fail(`has the type 0x${this.tag.toString(16)}`, field)
  }

  /** Reads the next element if it is of the type. */
  optional(tag: number, field: string): boolean {
    if (this.ahead() !== tag) return false
    this.next(field)
    return true
  }

  /** Steps into the next element, which must be of one type; the end of the outer span, for {@link close}. */
  open(tag: number, field: string): number {
    this.expect(tag, field)
    return this.enter()
  }

  /** Steps into the element read last; the end of the outer span, for {@link close}. */
  enter(): number {
    const outer = this.end
    this.at = this.start
    this.end = this.stop
    return outer
  }

  /** Leaves a span, which must have been read whole. */
  close(outer: number, field: string): void {
    if (this.at !== this.end) this.fail('has something left at its end', field)
    this.end = outer
  }

  /** Leaves a span, whatever is left of it. */
  leave(outer: number): void {
    this.at = this.end
    this.end = outer
  }

  /** Goes to another span of the same bytes. */
  seek(start: number, stop: number): void {
    this.at = start
    this.end = stop
  }

  /** Throws the Fault: `field` `problem`. */
  fail(problem: string, field: string): never {
    const { name, remedy } = this.#subject
    throw new Fault(
      'certificate-malformed',
      `The ${name} is malformed: ${field} ${problem} (byte ${this.at}). ${remedy}`,
      { field, offset: this.at }
    )
  }

  /** the length in `count` octets at `from`; leaves the place behind them in `start` */
  #longLength(from: number, count: number, field: string): number {
    if (count === 0) this.fail('has an indefinite length', field)
    if (count > 4 || from + count > this.end) this.fail('is longer than what holds it', field)
    let length = 0
    for (let at = from; at < from + count; at++) length = length * 256 + (this.bytes[at] as number)
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) this.fail('has a length that is not minimal', field)
    this.start = from + count
    return length
  }
}
