/** The largest size of a permutation: beyond it, neighbouring numbers are no longer told apart. */
export const maxPermutation = 2 ** 53

const rounds = 6

/**
 * A bijection of 0 … size − 1 that needs no memory, for a whole `size` from 1 to 2^53: a generalised Feistel
 * network over the nearest rectangle a × b ≥ size, walked again while it lands beyond the size (Black and
 * Rogaway, "Ciphers with Arbitrary Finite Domains", 2002). The same size and seed give the same order in every
 * version of the product: a stopped scan goes on by it. It spreads load; it hides nothing.
 */
export function permutation(size: number, seed: number): (position: number) => number {
  if (!Number.isInteger(size) || size < 1 || size > maxPermutation)
    throw new RangeError(`no permutation of ${size}`)
  const [a, b] = sides(size)
  const keys = roundKeys(size, seed)

  const step = (position: number) => {
    let right = Math.floor(position / a)
    let left = position - right * a
    for (let round = 0; round < rounds; round += 2) {
      left += scatter(right, keys[round] as number, a)
      if (left >= a) left -= a
      right += scatter(left, keys[round + 1] as number, b)
      if (right >= b) right -= b
    }
    return right * a + left
  }

  return (position) => {
    let index = step(position)
    while (index >= size) index = step(index)
    return index
  }
}

// the rectangle overshoots by less than one side, so that walking again is rare; it must stay below 2^53
function sides(size: number): readonly [number, number] {
  const a = Math.ceil(Math.sqrt(size))
  const b = Math.ceil(size / a)
  return a * b <= maxPermutation ? [a, b] : [2 ** 26, 2 ** 27]
}

/** A number below `limit` (at most 2^27) that depends on each bit of `value` and `key`. */
function scatter(value: number, key: number, limit: number): number {
  let mixed = Math.imul(value ^ key, 0x9e37_79b1)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85eb_ca77)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae3d)
  return Math.floor(((mixed ^ (mixed >>> 16)) >>> 0) * (limit / 0x1_0000_0000))
}

function roundKeys(size: number, seed: number): Int32Array {
  const words = [seed, seed / 2 ** 32, size, size / 2 ** 32].map((word) => word | 0)
  let state = 0x243f_6a88
  return Int32Array.from({ length: rounds }, (_, round) => {
    for (const word of words) {
      state = Math.imul(state ^ word, 0x9e37_79b1) + round
      state = Math.imul(state ^ (state >>> 15), 0x85eb_ca77)
      state ^= state >>> 13
    }
    return state
  })
}
