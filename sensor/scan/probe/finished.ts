import { Duplex } from 'node:stream'
import tls from 'node:tls'
import { Flight } from './flight.ts'
import type { HeldBytes } from './held-bytes.ts'
import type { Hello } from './hello.ts'
import { permissive } from './permissive.ts'
import type { Closing } from './starttls/prelude.ts'
import { sweepAgreement } from './agreements.ts'

/** What a finished handshake is made with. */
interface FinishedOptions {
  /** server name to send, or null */
  readonly name: string | null
  /** what is said within TLS until the server has had its say */
  readonly closing: Closing
  /** where what the server sent is counted */
  readonly held: HeldBytes | undefined
  readonly send: (bytes: Uint8Array) => void
  /** the conversation is over, or has failed: {@link FinishedTls.flight} tells what was seen */
  readonly over: () => void
}

/** what OpenSSL calls the secret of the records that hold the certificate (the SSLKEYLOGFILE format, RFC 9850 §2) */
const secretLine = /^SERVER_HANDSHAKE_TRAFFIC_SECRET [0-9a-f]+ (?<secret>[0-9a-f]+)\s*$/

/**
 * A handshake that is finished by Node's own TLS, verifying nothing, for servers that hold a cut one against us. It
 * takes a hundred times the work of reading a certificate and going, so it is for those alone. What the server
 * sent is read as in every other probe: as it stands on the wire.
 */
export class FinishedTls {
  readonly #stream: Duplex
  readonly #secure: tls.TLSSocket
  readonly #sent: Uint8Array[] = []
  readonly #counter: HeldBytes | undefined
  #held = 0
  #secret: Uint8Array | undefined

  constructor({ name, closing, held, send, over }: FinishedOptions) {
    this.#counter = held
    this.#stream = new Duplex({
      read() {},
      write(chunk: Uint8Array, _encoding, done) {
        send(chunk)
        done()
      }
    })
    const servername = name === null ? {} : { servername: name }
    this.#secure = tls.connect({ ...permissive, ...servername, socket: this.#stream })
    this.#secure.on('keylog', (line: Buffer) => {
      const secret = secretLine.exec(line.toString('latin1'))?.groups?.['secret']
      if (secret !== undefined) this.#secret = Buffer.from(secret, 'hex')
    })
    const say = (bytes: Uint8Array) => {
      const reply = closing.feed(bytes)
      if (reply === null) over()
      else if (reply.length > 0) this.#secure.write(reply)
    }
    this.#secure.once('secureConnect', () => say(nothing))
    this.#secure.on('data', say)
    this.#secure.on('error', over).once('end', over)
  }

  /** Takes bytes of the server as they come. */
  feed(bytes: Uint8Array): void {
    const copy = Buffer.from(bytes)
    this.#sent.push(copy)
    this.#held += copy.length
    this.#counter?.add(copy.length)
    this.#stream.push(copy)
  }

  /** bytes that the server has sent so far */
  get held(): number {
    return this.#held
  }

  /** The peer closed its side. */
  end(): void {
    this.#stream.push(null)
  }

  /** What the server has sent so far, read to its certificate; views of it hold until the next record is opened. */
  flight(hello: Hello): Flight {
    const secret = this.#secret
    const flight = new Flight(hello, sweepAgreement, secret ? { serverSecret: secret } : {})
    flight.feed(Buffer.concat(this.#sent))
    return flight
  }

  /** Ends the talk; nobody is told. */
  close(): void {
    this.#secure.removeAllListeners().on('error', () => {})
    this.#secure.destroy()
    this.#stream.destroy()
    this.#counter?.add(-this.#held)
    this.#held = 0
  }
}

const nothing = new Uint8Array(0)
