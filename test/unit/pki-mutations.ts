import type { Random } from '../../core/random.ts'

/** One way to break DER: gives a new buffer. `headers` are the offsets of its elements. */
type Mutation = (der: Buffer, random: Random, headers: readonly number[]) => Buffer

const below = (random: Random, limit: number): number => (limit === 0 ? 0 : random.word() % limit)
const anyOf = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)] as T

const lengths = [0x00, 0x01, 0x7f, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0xfe, 0xff]
const tags = [
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x17, 0x18, 0x1c, 0x1e, 0x1f, 0x30, 0x31, 0x80, 0x82, 0xa0,
  0xa3, 0xff
]

/** Bit flips, wrong bytes, lengths and types, cuts, gaps, repeats and growth. */
const mutations: readonly Mutation[] = [
  (der, random) => changed(der, below(random, der.length), (byte) => byte ^ (1 << below(random, 8))),
  (der, random) => changed(der, below(random, der.length), () => below(random, 256)),
  (der, random, headers) => changed(der, anyOf(random, headers), () => anyOf(random, tags)),
  (der, random, headers) => changed(der, anyOf(random, headers) + 1, () => anyOf(random, lengths)),
  (der, random, headers) =>
    changed(der, anyOf(random, headers) + 1, (byte) => byte + (below(random, 2) === 0 ? 1 : -1)),
  (der, random) => der.subarray(0, below(random, der.length)),
  (der, random) => Buffer.concat([der, Buffer.from(random.bytes(1 + below(random, 8)))]),
  (der, random, headers) => {
    const at = anyOf(random, headers)
    return Buffer.concat([der.subarray(0, at), der.subarray(at + 1 + below(random, 16))])
  },
  (der, random, headers) => {
    const [at, from] = [anyOf(random, headers), anyOf(random, headers)]
    return Buffer.concat([
      der.subarray(0, at),
      der.subarray(from, from + below(random, 64)),
      der.subarray(at)
    ])
  },
  (der, random) => {
    const at = below(random, der.length)
    return Buffer.concat([der.subarray(0, at), Buffer.from(random.bytes(below(random, 8))), der.subarray(at)])
  }
]

const gentle = mutations.slice(0, 2)

function changed(der: Buffer, at: number, change: (byte: number) => number): Buffer {
  const copy = Buffer.from(der)
  const place = Math.min(at, copy.length - 1)
  if (place >= 0) copy[place] = change(copy[place] ?? 0) & 255
  return copy
}

/** DER to break, with the offsets of its elements. */
export interface Victim {
  readonly der: Buffer
  readonly headers: readonly number[]
}

/** Prepares DER for {@link mutate}: finds the elements, into OCTET and BIT STRINGs too. */
export function victim(der: Buffer): Victim {
  const headers: number[] = []
  findHeaders(der, 0, der.length, headers)
  return { der, headers }
}

function findHeaders(der: Buffer, from: number, to: number, headers: number[]): boolean {
  const mark = headers.length
  for (let at = from; at < to;) {
    const tag = der[at] ?? 0
    const first = der[at + 1] ?? 0
    const count = first > 0x80 ? first & 0x7f : 0
    if (count > 3 || at + 2 + count > to) return rollBack(headers, mark)
    const start = at + 2 + count
    const stop = start + (count > 0 ? der.readUIntBE(at + 2, count) : first)
    if (stop > to) return rollBack(headers, mark)
    headers.push(at)
    if ((tag & 0x20) !== 0 || tag === 0x04) findHeaders(der, start, stop, headers)
    else if (tag === 0x03) findHeaders(der, start + 1, stop, headers)
    at = stop
  }
  return true
}

function rollBack(headers: number[], mark: number): false {
  headers.length = mark
  return false
}

/** One to three mutations, mostly a lone one of the gentle kind, sometimes a splice with the tail of another; each from the random source. */
export function mutate({ der, headers }: Victim, other: Victim, random: Random): Buffer {
  let mutated = der
  if (random.word() % 8 === 0) {
    mutated = Buffer.concat([
      der.subarray(0, anyOf(random, headers)),
      other.der.subarray(anyOf(random, other.headers))
    ])
  }
  // flips and wrong bytes often leave the frame whole, so that what is inside gets read
  if (mutated === der && random.word() % 2 === 0)
    return gentle[below(random, gentle.length)]?.(der, random, headers) ?? der
  for (let left = 1 + below(random, 3); left > 0; left--) {
    mutated =
      mutated.length === 0 ? Buffer.from(random.bytes(4)) : anyOf(random, mutations)(mutated, random, headers)
  }
  return mutated
}
