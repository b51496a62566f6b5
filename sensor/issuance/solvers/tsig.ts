import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../../../core/secret.ts'

/** Algorithms that are used (RFC 8945 §6, those that are not weak). */
export const tsigAlgorithms = ['hmac-sha256', 'hmac-sha384', 'hmac-sha512'] as const

/** A key that a DNS server knows (RFC 8945). */
export interface TsigKey {
  /** as the server's configuration names it */
  readonly name: string
  readonly algorithm: (typeof tsigAlgorithms)[number]
  /** base64 */
  readonly secret: Secret
}

/** What is wrong with the signature of an answer, or what the server says was wrong with ours. */
export type TsigProblem =
  /** the server does not know the name of the key, or another algorithm for it */
  | { readonly problem: 'unknown-key' }
  /** the server has another secret */
  | { readonly problem: 'wrong-secret' }
  /** its clock is `aheadMs` before ours, negative: behind; null where it does not say */
  | { readonly problem: 'clock'; readonly aheadMs: number | null }
  /** the answer is not signed, or not by this key over this answer */
  | { readonly problem: 'unsigned' | 'forged' }

const typeTsig = 250
const classAny = 255
const badSignature = 16
const badKey = 17
const badTime = 18
/** seconds that the clocks may be apart (RFC 8945 §10 recommends 300) */
const fudge = 300

/** A message with its TSIG record at its end, and the MAC, over which the answer will be signed too. */
export function signMessage(message: Buffer, key: TsigKey, now: number): { message: Buffer; mac: Buffer } {
  const times = { time: Math.floor(now / 1000), fudge, error: 0, other: Buffer.alloc(0) }
  const mac = macOf(key, [message, variables(key, times)])
  const signed = Buffer.concat([message, recordOf(key, times, { mac, id: message.readUInt16BE(0) })])
  signed.writeUInt16BE(message.readUInt16BE(10) + 1, 10)
  return { message: signed, mac }
}

/** Checks the TSIG of an answer to a signed message (RFC 8945 §5.3); null: it is right. Throws a RangeError when cut short. */
export function checkTsig(
  answer: Buffer,
  { key, mac, now }: { readonly key: TsigKey; readonly mac: Buffer; readonly now: number }
): TsigProblem | null {
  const found = findTsig(answer)
  if (!found) return { problem: 'unsigned' }
  // answers with these two are not signed: there is no key to sign with (§5.2)
  if (found.error === badKey) return { problem: 'unknown-key' }
  if (found.error === badSignature) return { problem: 'wrong-secret' }
  const body = Buffer.from(answer.subarray(0, found.at))
  body.writeUInt16BE(answer.readUInt16BE(10) - 1, 10)
  body.writeUInt16BE(found.id, 0)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(mac.length)
  const expected = macOf(key, [length, mac, body, variables(key, found)])
  if (found.mac.length !== expected.length || !timingSafeEqual(found.mac, expected))
    return { problem: 'forged' }
  if (found.error === badTime) {
    // the time of the server is in the other data (§5.2.3)
    const theirs = found.other.length === 6 ? found.other.readUIntBE(0, 6) * 1000 : null
    return { problem: 'clock', aheadMs: theirs === null ? null : theirs - now }
  }
  const apart = found.time * 1000 - now
  return Math.abs(apart) > found.fudge * 1000 ? { problem: 'clock', aheadMs: apart } : null
}

interface TsigFields {
  /** seconds since the epoch */
  readonly time: number
  readonly fudge: number
  readonly error: number
  readonly other: Buffer
}

function macOf({ algorithm, secret }: TsigKey, parts: readonly Buffer[]): Buffer {
  const hmac = createHmac(algorithm.replace('hmac-', ''), Buffer.from(secret.reveal(), 'base64'))
  for (const part of parts) hmac.update(part)
  return hmac.digest()
}

/** the variables that are signed beside the message (RFC 8945 §4.3.3) */
function variables({ name, algorithm }: TsigKey, { time, fudge, error, other }: TsigFields): Buffer {
  const head = Buffer.alloc(6)
  head.writeUInt16BE(classAny, 0)
  return Buffer.concat([
    wireName(name),
    head,
    wireName(algorithm),
    timeFields(time, fudge),
    numbers(error, other.length),
    other
  ])
}

function recordOf(
  { name, algorithm }: TsigKey,
  { time, fudge, error, other }: TsigFields,
  { mac, id }: { readonly mac: Buffer; readonly id: number }
): Buffer {
  const data = Buffer.concat([
    wireName(algorithm),
    timeFields(time, fudge),
    numbers(mac.length),
    mac,
    numbers(id, error, other.length),
    other
  ])
  return Buffer.concat([wireName(name), numbers(typeTsig, classAny, 0, 0, data.length), data])
}

function timeFields(time: number, fudge: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUIntBE(time, 0, 6)
  bytes.writeUInt16BE(fudge, 6)
  return bytes
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length)
  for (const [at, value] of values.entries()) bytes.writeUInt16BE(value, 2 * at)
  return bytes
}

/** in its canonical form (RFC 4034 §6.2): lower case, not compressed */
function wireName(name: string): Buffer {
  const labels = name
    .toLowerCase()
    .split('.')
    .filter((label) => label !== '')
  const parts = labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label, 'latin1')]))
  return Buffer.concat([...parts, Buffer.of(0)])
}

interface FoundTsig extends TsigFields {
  /** where the record begins */
  readonly at: number
  readonly mac: Buffer
  /** id of the message before somebody forwarded it */
  readonly id: number
}

/** the TSIG of a message, which is its last record, or null */
function findTsig(message: Buffer): FoundTsig | null {
  let at = 12
  for (let left = message.readUInt16BE(4); left > 0; left--) at = behindName(message, at) + 4
  const count = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10)
  let last = -1
  for (let left = count; left > 0; left--) {
    last = at
    const fields = behindName(message, at)
    at = fields + 10 + message.readUInt16BE(fields + 8)
  }
  if (last === -1 || message.readUInt16BE(10) === 0) return null
  const fields = behindName(message, last)
  if (message.readUInt16BE(fields) !== typeTsig || at !== message.length) return null
  const times = behindName(message, fields + 10)
  const macEnd = times + 10 + message.readUInt16BE(times + 8)
  const other = macEnd + 6
  return {
    at: last,
    time: message.readUIntBE(times, 6),
    fudge: message.readUInt16BE(times + 6),
    mac: message.subarray(times + 10, macEnd),
    id: message.readUInt16BE(macEnd),
    error: message.readUInt16BE(macEnd + 2),
    other: message.subarray(other, other + message.readUInt16BE(macEnd + 4))
  }
}

/** a name ends with an empty label or with a pointer to an earlier one */
function behindName(message: Buffer, from: number): number {
  let at = from
  for (;;) {
    const length = message.readUInt8(at)
    if (length >= 0xc0) return at + 2
    at += 1 + length
    if (length === 0) return at
  }
}
