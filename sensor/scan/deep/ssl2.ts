import { ByteWriter, u16 } from '../probe/bytes.ts'
import type { AnswerReader, ExchangeEnd } from '../probe/exchange.ts'
import type { Hello, HelloOffer } from '../probe/hello.ts'
import { registeredSuites } from '../probe/registry.ts'
import { isSsl2Kind } from './suite-traits.ts'

/** Every cipher kind of SSL 2.0. */
export const ssl2Kinds: readonly number[] = [...registeredSuites.keys()].filter(isSsl2Kind)

/** A CLIENT-HELLO of SSL 2.0 (the SSL 2.0 protocol, CLIENT-HELLO) with every kind. `random`: 16 bytes at least. */
export function writeSsl2Hello(random: Uint8Array): Hello {
  const challenge = random.subarray(0, 16)
  const message = new ByteWriter()
    .u8(1)
    .u16(0x0002)
    .u16(ssl2Kinds.length * 3)
    .u16(0)
    .u16(challenge.length)
  for (const kind of ssl2Kinds) message.u24(kind)
  const body = message.raw(challenge).take()
  const record = new ByteWriter()
    .u16(0x8000 | body.length)
    .raw(body)
    .take()
  return { offer, random, record, message: body }
}

const offer: HelloOffer = {
  versions: [0x0002],
  suites: ssl2Kinds,
  schemes: [],
  groups: [],
  share: null,
  name: null,
  extensions: false
}

/** The longest SERVER-HELLO that is read: a certificate with all kinds. */
const messageLimit = 32_767

/**
 * Reads the answer to a CLIENT-HELLO of SSL 2.0. `kinds` are those of a SERVER-HELLO, null when the answer was
 * another one. It never throws and holds one record at most.
 */
export class Ssl2Reader implements AnswerReader {
  kinds: readonly number[] | null = null
  #bytes = new Uint8Array(0)

  feed(bytes: Uint8Array): ExchangeEnd | null {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    const data = this.#bytes
    if (data.length < 3) return null
    const isLong = (data[0] ?? 0) < 0x80 // a header of three bytes, with padding
    const start = isLong ? 3 : 2
    const length = u16(data, 0) & (isLong ? 0x3fff : 0x7fff)
    if (data[start] !== undefined && data[start] !== 4) return { kind: 'no-certificate' }
    if (data.length < start + length && data.length <= messageLimit) return null
    this.kinds = readKinds(data.subarray(start, start + length))
    return { kind: this.kinds === null ? 'no-certificate' : 'certificate' }
  }
}

/** type, session id hit, certificate type, version, three lengths, certificate, cipher kinds, connection id */
function readKinds(message: Uint8Array): number[] | null {
  if (message.length < 11 || u16(message, 3) !== 0x0002) return null
  const start = 11 + u16(message, 5)
  const end = start + u16(message, 7)
  if (end > message.length || (end - start) % 3 !== 0) return null
  const kinds: number[] = []
  for (let at = start; at < end; at += 3) kinds.push(((message[at] ?? 0) << 16) | u16(message, at + 1))
  return kinds
}
