import { randomBytes } from 'node:crypto'

/** Chance as a dependency: real in the product, seeded in tests. */
export interface Random {
  /** `count` unpredictable bytes */
  bytes(count: number): Uint8Array
  /** a whole number, 0 ≤ n < 2^32 */
  word(): number
  /** a fraction, 0 ≤ x < 1 */
  fraction(): number
}

/** Randomness of the operating system. */
export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  word: () => randomBytes(4).readUInt32LE(0),
  fraction: () => randomBytes(4).readUInt32LE(0) / 0x1_0000_0000
}

/** A repeatable source for tests and benches (mulberry32). Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const word = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return {
    word,
    fraction: () => word() / 0x1_0000_0000,
    bytes: (count) => Uint8Array.from({ length: count }, () => word() & 0xff)
  }
}
