// SHA-256 and HMAC for inputs of some hundred bytes, many thousand times a second. Native hashes cost more to
// set up than such an input costs to hash, and general libraries allocate for each; this keeps to one state and
// one schedule. Nothing secret passes here (see tls13.ts), and a test holds it equal to node:crypto.

const constants = roundConstants()
const schedule = new Int32Array(64)
const block = new Uint8Array(64)

/** The state before any input (FIPS 180-4 §5.3.3). */
const initial = Int32Array.of(
  0x6a09e667,
  0xbb67ae85 | 0,
  0x3c6ef372,
  0xa54ff53a | 0,
  0x510e527f,
  0x9b05688c | 0,
  0x1f83d9ab,
  0x5be0cd19
)

/** A hash in the middle of its input: the state after whole blocks, and what is left of them. */
export interface Midstate {
  readonly state: Int32Array
  /** bytes that the state holds, a multiple of 64 */
  readonly taken: number
  /** the input behind them, fewer than 64 bytes */
  readonly rest: Uint8Array
}

/** Hashes the whole blocks of `bytes`. */
export function begin(bytes: Uint8Array): Midstate {
  const state = new Int32Array(initial)
  const taken = bytes.length - (bytes.length % 64)
  for (let at = 0; at < taken; at += 64) compress(state, bytes, at)
  return { state, taken, rest: new Uint8Array(bytes.subarray(taken)) }
}

/** SHA-256 of what `from` has taken followed by `bytes`. */
export function finish(from: Midstate, bytes: Uint8Array): Uint8Array {
  const state = new Int32Array(from.state)
  absorb(state, from, bytes)
  return output(state)
}

/** SHA-256 of `bytes`. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return finish(start, bytes)
}

const start: Midstate = { state: initial, taken: 0, rest: new Uint8Array(0) }

/** A key of HMAC-SHA-256 (RFC 2104), made ready: the states after the two padded keys. */
export interface HmacKey {
  readonly inner: Midstate
  readonly outer: Midstate
}

/** Makes a key of at most 64 bytes ready. */
export function hmacKey(key: Uint8Array): HmacKey {
  return { inner: padded(key, 0x36), outer: padded(key, 0x5c) }
}

/** HMAC-SHA-256 of `message`. */
export function hmac({ inner, outer }: HmacKey, message: Uint8Array): Uint8Array {
  return finish(outer, finish(inner, message))
}

function padded(key: Uint8Array, pad: number): Midstate {
  block.fill(pad)
  for (let at = 0; at < key.length; at++) block[at]! ^= key[at]!
  const state = new Int32Array(initial)
  compress(state, block, 0)
  return { state, taken: 64, rest: start.rest }
}

/** the input's blocks, then its padding with the length in bits (FIPS 180-4 §5.1.1) */
function absorb(state: Int32Array, { taken, rest }: Midstate, bytes: Uint8Array): void {
  let at = 0
  let filled = rest.length
  block.set(rest)
  if (filled > 0 && filled + bytes.length >= 64) {
    at = 64 - filled
    block.set(bytes.subarray(0, at), filled)
    compress(state, block, 0)
    filled = 0
  }
  for (; at + 64 <= bytes.length; at += 64) compress(state, bytes, at)
  for (; at < bytes.length; at++) block[filled++] = bytes[at]!
  block[filled++] = 0x80
  if (filled > 56) {
    block.fill(0, filled)
    compress(state, block, 0)
    filled = 0
  }
  block.fill(0, filled)
  // inputs stay far below 2^29 bytes, whose length in bits has 32 bits
  const bits = (taken + rest.length + bytes.length) * 8
  for (let byte = 0; byte < 4; byte++) block[63 - byte] = (bits >>> (8 * byte)) & 255
  compress(state, block, 0)
}

function output(state: Int32Array): Uint8Array {
  const bytes = new Uint8Array(32)
  for (let word = 0; word < 8; word++) {
    const value = state[word]!
    bytes[word * 4] = value >>> 24
    bytes[word * 4 + 1] = value >>> 16
    bytes[word * 4 + 2] = value >>> 8
    bytes[word * 4 + 3] = value
  }
  return bytes
}

/** one block (FIPS 180-4 §6.2.2) */
function compress(state: Int32Array, bytes: Uint8Array, at: number): void {
  const w = schedule
  for (let t = 0, p = at; t < 16; t++, p += 4) {
    w[t] = (bytes[p]! << 24) | (bytes[p + 1]! << 16) | (bytes[p + 2]! << 8) | bytes[p + 3]!
  }
  for (let t = 16; t < 64; t++) {
    const x = w[t - 15]!
    const y = w[t - 2]!
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    w[t] = (w[t - 16]! + s0 + w[t - 7]! + s1) | 0
  }
  let [a, b, c, d] = [state[0]!, state[1]!, state[2]!, state[3]!]
  let [e, f, g, h] = [state[4]!, state[5]!, state[6]!, state[7]!]
  for (let t = 0; t < 64; t++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + constants[t]! + w[t]!) | 0
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  state[0]! += a
  state[1]! += b
  state[2]! += c
  state[3]! += d
  state[4]! += e
  state[5]! += f
  state[6]! += g
  state[7]! += h
}

/** the first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4 §4.2.2) */
function roundConstants(): Int32Array {
  const primes: number[] = []
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n)
  return Int32Array.from(primes, (prime) => {
    const root = Math.cbrt(prime)
    return Math.floor((root - Math.floor(root)) * 2 ** 32) | 0
  })
}
