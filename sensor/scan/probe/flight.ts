import { copyOf, u16, u24 } from './bytes.ts'
import { readCertificateList, type CertificateList } from './certificate-list.ts'
import type { HeldBytes } from './held-bytes.ts'
import type { Hello } from './hello.ts'
import { readServerHello, type ServerHello } from './server-hello.ts'
import { type KeyAgreement } from './agreements.ts'
import { ServerRecords } from './tls13.ts'

/** Bounds of what one connection may make us take. */
export const flightLimits = {
  /** bytes of all records together */
  bytes: 1_048_576,
  /** a Certificate message; real chains of 57 kB have been seen */
  certificateMessage: 262_144,
  /** any other handshake message */
  message: 65_536,
  /** records that bring nothing: empty ones, change_cipher_spec, warnings */
  idleRecords: 16,
  /** records of all kinds: opening one costs the same however little is in it */
  records: 8_192
} as const

/** How the reading of a server's flight ended. */
export type FlightEnd =
  | { readonly kind: 'certificate' }
  /** a HelloRetryRequest: say hello again with this group's key share and this cookie */
  | { readonly kind: 'retry'; readonly hello: ServerHello; readonly message: Uint8Array }
  | { readonly kind: 'alert'; readonly alert: number }
  | { readonly kind: 'no-certificate' }
  | { readonly kind: 'not-tls' }
  | { readonly kind: 'malformed'; readonly why: string }
  | { readonly kind: 'too-large'; readonly why: string }

const certificateEnd: FlightEnd = { kind: 'certificate' }

/** How a flight is read. */
export interface FlightOptions {
  /**
   * read on to the ServerHelloDone or Finished, for what comes after the certificate; without it the flight
   * ends at the certificate, with what had arrived in the same bytes
   */
  readonly whole?: boolean
  /** end at the ServerHello or HelloRetryRequest, which is then in `hello`, as if no certificate followed */
  readonly brief?: boolean
  /** after a HelloRetryRequest: the first hello and the request, which the transcript begins with */
  readonly after?: readonly Uint8Array[]
  /** the server's handshake traffic secret (RFC 8446 §7.1), where somebody else has agreed on the keys of TLS 1.3 */
  readonly serverSecret?: Uint8Array
  /** where what the flight holds is counted beside all others */
  readonly held?: HeldBytes | undefined
}

/**
 * Reads what a server answers to a hello, record by record, until its Certificate message. Fed with bytes as
 * they come, in any pieces; each byte is looked at a bounded number of times, and everything a peer can make
 * us hold is bounded by {@link flightLimits}. It never throws.
 */
export class Flight {
  /** the ServerHello (after a retry, the second one) */
  hello: ServerHello | null = null
  /** unless the flight is read whole, views that are valid only until `feed` returns */
  certificates: CertificateList | null = null
  /** did a CertificateRequest come? null: the flight was left before one could have */
  clientCertificate: boolean | null = null
  /** body of the ServerKeyExchange (TLS 1.2 and before) of a flight read whole */
  keyExchange: Uint8Array | null = null
  /** body of the CertificateStatus (RFC 6066 §8), when it had arrived */
  status: Uint8Array | null = null
  /** protocol chosen, from the EncryptedExtensions of TLS 1.3 or the ServerHello before it */
  alpn: string | null = null
  /** last warning that came, which is the answer when nothing follows it */
  warning: number | null = null
  end: FlightEnd | null = null

  readonly #keys: KeyAgreement
  readonly #whole: boolean
  readonly #brief: boolean
  readonly #messages: readonly Uint8Array[]
  readonly #serverSecret: Uint8Array | undefined
  readonly #counter: HeldBytes | undefined
  #held = 0
  #records: ServerRecords | null = null
  #input: Pieces | null = null
  #handshake: Pieces | null = null
  #bytes = 0
  #recordsRead = 0
  #idle = 0
  #begun = false

  constructor(hello: Hello, keys: KeyAgreement, options: FlightOptions = {}) {
    this.#messages = options.after ? [...options.after, hello.message] : [hello.message]
    this.#keys = keys
    this.#whole = options.whole ?? false
    this.#brief = options.brief ?? false
    this.#serverSecret = options.serverSecret
    this.#counter = options.held
  }

  /** Takes bytes; true once the flight has ended and `end` says how. */
  feed(bytes: Uint8Array): boolean {
    if (this.end !== null) return true
    this.#bytes += bytes.length
    const input = this.#input === null ? bytes : this.#input.with(bytes)
    const used = this.#readRecords(input)
    if (this.end === null && this.#complete()) this.end = certificateEnd
    if (this.end !== null) return true
    this.#input ??= new Pieces()
    this.#input.keep(input, used)
    if (this.#bytes > flightLimits.bytes) this.#tooLarge('more bytes than a handshake has')
    this.#count()
    return this.end !== null
  }

  /** bytes of unfinished records and messages that it holds */
  get held(): number {
    return this.#held
  }

  /** Lets go of what it holds: nothing more will be read. */
  release(): void {
    if (this.#held > 0) this.#counter?.add(-this.#held)
    this.#held = 0
    this.#input = null
    this.#handshake = null
  }

  #count(): void {
    const held = (this.#input?.capacity ?? 0) + (this.#handshake?.capacity ?? 0)
    if (held === this.#held) return
    const fits = this.#counter?.add(held - this.#held) ?? true
    this.#held = held
    if (!fits) this.#tooLarge('more bytes than all connections together may hold')
  }

  #complete(): boolean {
    return this.certificates !== null && !this.#whole
  }

  #readRecords(input: Uint8Array): number {
    let at = 0
    while (this.end === null && input.length - at >= 1) {
      if (!this.#begun && !this.#looksLikeTls(input)) return at
      if (input.length - at < 5) return at
      const length = u16(input, at + 3)
      if (!this.#allowsHeader(input, at, length)) return at
      if (input.length - at < 5 + length) return at
      this.#begun = true
      if (++this.#recordsRead > flightLimits.records) this.#tooLarge('more records than a handshake has')
      else this.#readRecord(input, at, length)
      at += 5 + length
    }
    return at
  }

  #looksLikeTls(input: Uint8Array): boolean {
    const type = input[0] ?? 0
    const plausible = (type === 22 || type === 21 || type === 20) && (input.length < 2 || input[1] === 3)
    if (!plausible) this.end = { kind: 'not-tls' }
    return plausible
  }

  #allowsHeader(input: Uint8Array, at: number, length: number): boolean {
    const type = input[at] ?? 0
    if (type < 20 || type > 24 || input[at + 1] !== 3) {
      this.#malformed('a record header that is none')
      return false
    }
    // RFC 5246 §6.2.3: a protected record may be 2,048 bytes longer than a plain one
    if (length > 16_384 + 2_048) {
      this.#tooLarge(`a record of ${length} bytes`)
      return false
    }
    return true
  }

  #readRecord(input: Uint8Array, at: number, length: number): void {
    const type = input[at] ?? 0
    // RFC 8446 §5.1: only application data may be empty
    if (length === 0 && type !== 23) return this.#malformed('an empty record')
    if (type === 20 || length === 0) return this.#idleRecord()
    const body = input.subarray(at + 5, at + 5 + length)
    if (type !== 23 || this.#records === null) return this.#readPlain(type, body)
    this.#readOpened(this.#records.open(body, input.subarray(at, at + 5)))
  }

  #readOpened(plain: Uint8Array | undefined): void {
    if (!plain) return this.#malformed('a record that does not open')
    let end = plain.length
    while (end > 0 && plain[end - 1] === 0) end--
    if (end === 0) return this.#malformed('a record without a content type')
    this.#readPlain(plain[end - 1] ?? 0, plain.subarray(0, end - 1))
  }

  #readPlain(type: number, body: Uint8Array): void {
    if (type === 22) return this.#readHandshake(body)
    if (type === 21) return this.#readAlert(body)
    this.#malformed(`a record of type ${type} before the certificate`)
  }

  #readAlert(body: Uint8Array): void {
    if (body.length < 2) return this.#malformed('a short alert')
    const [level, description = 0] = body
    // a warning (unrecognized_name, no_certificate) may be followed by the handshake; close_notify is an end
    if (level === 1 && description !== 0 && this.hello?.version !== 0x0304) {
      this.warning = description
      return this.#idleRecord()
    }
    this.end = { kind: 'alert', alert: description }
  }

  #idleRecord(): void {
    if (++this.#idle > flightLimits.idleRecords) this.#tooLarge('records that bring nothing')
  }

  #readHandshake(body: Uint8Array): void {
    const input = this.#handshake === null ? body : this.#handshake.with(body)
    let at = 0
    while (this.end === null && input.length - at >= 4) {
      const type = input[at] ?? 0
      const length = u24(input, at + 1)
      if (length > (type === 11 ? flightLimits.certificateMessage : flightLimits.message)) {
        return this.#tooLarge(`a handshake message of ${length} bytes`)
      }
      if (input.length - at < 4 + length) break
      this.#readMessage(type, input, at, at + 4 + length)
      at += 4 + length
    }
    if (this.end !== null || (at === input.length && this.#handshake === null)) return
    // keeping the rest would move the certificates, which are views, and nothing more is wanted
    if (this.#complete() && at < input.length) return void (this.end = certificateEnd)
    this.#handshake ??= new Pieces()
    this.#handshake.keep(input, at)
  }

  /** one whole message, header included, between `start` and `end` */
  #readMessage(type: number, input: Uint8Array, start: number, end: number): void {
    if (type === 2) return this.#readHello(input.subarray(start, end))
    if (type === 0) return this.#idleRecord()
    // our own hello: an echo
    if (type === 1) return void (this.end = { kind: 'not-tls' })
    if (this.hello === null) return this.#malformed('a message before the ServerHello')
    if (type === 11) return this.#readCertificates(input.subarray(start + 4, end))
    if (type === 13) return void (this.clientCertificate = true)
    if (type === 8) return this.#readEncryptedExtensions(input.subarray(start + 4, end))
    if (this.#whole && type === 12) this.keyExchange ??= copyOf(input.subarray(start + 4, end))
    if (type === 22) return void (this.status ??= copyOf(input.subarray(start + 4, end)))
    if (type === 12 || type === 14 || type === 20) return this.#pastCertificate(type)
  }

  /** ServerKeyExchange, ServerHelloDone, Finished: the certificate must have come before */
  #pastCertificate(type: number): void {
    if (this.certificates === null) return void (this.end = { kind: 'no-certificate' })
    if (type === 12) return
    this.clientCertificate ??= false
    this.end = certificateEnd
  }

  #readHello(message: Uint8Array): void {
    const hello = readServerHello(message.subarray(4))
    if (!hello) return this.#malformed('a ServerHello that does not add up')
    if (this.hello !== null) return this.#malformed('a second ServerHello')
    // whoever has the secret has said hello again already
    if (hello.retry && this.#serverSecret) return
    if (hello.retry && !this.#brief) {
      return void (this.end = { kind: 'retry', hello, message: copyOf(message) })
    }
    this.hello = hello
    this.alpn = hello.alpn
    if (this.#brief) return void (this.end = { kind: 'no-certificate' })
    if (hello.version === 0x0304) this.#deriveKeys(hello, message)
  }

  #deriveKeys(hello: ServerHello, message: Uint8Array): void {
    if (this.#serverSecret) {
      this.#records = ServerRecords.bySecret(hello.cipher, this.#serverSecret) ?? null
      if (this.#records === null) this.#malformed('a cipher suite that is not known')
      return
    }
    if (hello.share === null || hello.group !== this.#keys.share.group) {
      return this.#malformed('a key share that was not offered')
    }
    const secret = this.#keys.secret(hello.share)
    if (!secret) return this.#malformed('a key share that is no key of its group')
    const transcript = { messages: this.#messages, serverHello: message }
    this.#records = ServerRecords.derive(hello.cipher, secret, transcript) ?? null
    if (this.#records === null) this.#malformed('a cipher suite that was not offered')
  }

  #readEncryptedExtensions(body: Uint8Array): void {
    if (body.length < 2) return this.#malformed('EncryptedExtensions that do not add up')
    for (let at = 2; at + 4 <= body.length; at += 4 + u16(body, at + 2)) {
      const length = u16(body, at + 2)
      if (u16(body, at) === 16 && length > 3) {
        this.alpn = Buffer.from(body.subarray(at + 7, at + 4 + length)).toString('latin1')
      }
    }
  }

  #readCertificates(body: Uint8Array): void {
    const version = this.hello?.version ?? 0
    const list = readCertificateList(body, version)
    if (!list) return this.#malformed('a certificate list whose lengths do not add up')
    if (list.certificates.length === 0) return this.#malformed('an empty certificate list')
    // the views lie in a buffer that the next read overwrites: who reads on needs a copy
    this.certificates = this.#whole ? (readCertificateList(copyOf(body), version) ?? null) : list
    // in TLS 1.3 the request comes before the certificate (RFC 8446 §4.3.2)
    if (version !== 0x0304) return
    this.clientCertificate ??= false
    if (!this.#whole) this.end = certificateEnd
  }

  #malformed(why: string): void {
    this.end ??= { kind: 'malformed', why }
  }

  #tooLarge(why: string): void {
    this.end ??= { kind: 'too-large', why }
  }
}

/** Bytes that wait for the rest of their record or message; whole ones are read in place, without a copy. */
class Pieces {
  #kept = nothing
  #length = 0

  /** bytes of memory taken */
  get capacity(): number {
    return this.#kept.length
  }

  /** what is kept, followed by `bytes`: a view that holds until the next call */
  with(bytes: Uint8Array): Uint8Array {
    if (this.#length === 0) return bytes
    const needed = this.#length + bytes.length
    if (needed > this.#kept.length) {
      // doubling keeps the copying linear for a peer that sends byte by byte
      const doubled = Math.min(this.#kept.length * 2, mostKept)
      const larger = new Uint8Array(Math.max(needed, doubled, 1_024))
      larger.set(this.#kept.subarray(0, this.#length))
      this.#kept = larger
    }
    this.#kept.set(bytes, this.#length)
    this.#length = needed
    return this.#kept.subarray(0, needed)
  }

  /** keeps `input` (the view of the last `with`) from `used` on */
  keep(input: Uint8Array, used: number): void {
    const rest = input.length - used
    if (this.#length > 0) {
      if (used > 0) this.#kept.copyWithin(0, used, input.length)
    } else if (rest > 0) {
      if (rest > this.#kept.length) this.#kept = new Uint8Array(Math.max(rest, 1_024))
      this.#kept.set(input.subarray(used), 0)
    }
    this.#length = rest
  }
}

const nothing = new Uint8Array(0)
/** the largest message without its end, and the largest record that may bring it */
const mostKept = flightLimits.certificateMessage + 20_480
