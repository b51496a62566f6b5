import net from 'node:net'
import tls from 'node:tls'
import { formatEndpoint } from '../../../core/address.ts'
import { visible } from '../../../core/text.ts'
import { permissive } from '../probe/permissive.ts'
import { followPrelude } from '../probe/starttls/follow.ts'
import { openPrelude } from '../probe/starttls/index.ts'
import type { HttpAnswer } from './report.ts'
import type { DeepEndpoint, Talks } from './talks.ts'

/** What a finished handshake showed. */
export interface Finished {
  /** was a session ticket of TLS 1.3 given? null: not known, or another version */
  readonly ticket: boolean | null
  readonly http: HttpAnswer | null
}

const nothing: Finished = { ticket: null, http: null }

/** The most of an HTTP answer that is read. */
const answerLimit = 16_384

/**
 * Finishes one handshake through Node's own TLS, verifying nothing: only there are the tickets of TLS 1.3 and
 * an HTTP answer to be seen. `http`: ask HEAD / as well. What the server does is never an exception.
 */
export async function finishHandshake(talks: Talks, http: boolean): Promise<Finished> {
  const { address, port, name, starttls } = talks.endpoint
  // TLS in packets of its own is not for a TLS socket
  if (starttls === 'tds' || !(await talks.begin())) return nothing
  const { clock, budget } = talks.tools
  const { promise, resolve } = Promise.withResolvers<Finished>()
  const socket = net.connect({ host: address, port, autoSelectFamily: false })
  const visit = new Visit(talks.endpoint, http)
  const finish = () => resolve(visit.finished)
  socket.on('error', finish).on('close', finish)
  const start = () => visit.start(socket, finish)
  socket.once('connect', () => {
    wait(budget.answerMs)
    if (starttls === null) start()
    else followPrelude(openPrelude(starttls, name), socket, start)
  })
  let cancel = () => {}
  const wait = (ms: number) => {
    cancel()
    cancel = clock.after(talks.patience(ms), () => {
      visit.timeUp()
      finish()
    })
  }
  wait(budget.connectMs)
  talks.signal.addEventListener('abort', finish, { once: true })

  const finished = await promise
  cancel()
  talks.signal.removeEventListener('abort', finish)
  talks.count(socket.bytesWritten, socket.bytesRead)
  socket.destroy()
  return finished
}

/** One TLS connection over a socket that is ready for the hello. */
class Visit {
  readonly #endpoint: DeepEndpoint
  readonly #http: boolean
  #version = ''
  #ticketSeen = false
  #answered = false
  #text = ''

  constructor(endpoint: DeepEndpoint, http: boolean) {
    this.#endpoint = endpoint
    this.#http = http
  }

  start(socket: net.Socket, finish: () => void): void {
    const { name } = this.#endpoint
    const servername = name === null ? {} : { servername: name }
    const alpn = this.#http ? { ALPNProtocols: ['http/1.1'] } : {}
    const secure = tls.connect({ ...permissive, ...servername, ...alpn, socket })
    const answered = () => {
      this.#answered = true
      finish()
    }
    secure.on('error', finish)
    secure.on('session', () => (this.#ticketSeen = true))
    secure.once('secureConnect', () => {
      this.#version = secure.getProtocol() ?? ''
      // tickets come before anything else: an answer, or the end, tells whether there are any
      if (this.#http) secure.write(headRequest(this.#endpoint))
      else secure.end()
    })
    secure.on('data', (bytes: Buffer) => {
      if (!this.#http) return
      this.#text += bytes.toString('latin1')
      if (this.#text.length > answerLimit || this.#text.includes('\r\n\r\n')) answered()
    })
    secure.once('end', answered)
  }

  /** so long after a finished handshake no ticket comes any more */
  timeUp(): void {
    this.#answered = this.#version !== ''
  }

  get finished(): Finished {
    const ticket = this.#ticketSeen || (this.#answered ? false : null)
    return { ticket: this.#version === 'TLSv1.3' ? ticket : null, http: readHttp(this.#text) }
  }
}

function headRequest({ address, port, name }: DeepEndpoint): string {
  const authority = formatEndpoint(name ?? address, port)
  const host = port === 443 ? authority.replace(/:443$/, '') : authority
  return `HEAD / HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: tlsward\r\nAccept: */*\r\nConnection: close\r\n\r\n`
}

/** The status and Server header of an HTTP/1 answer (RFC 9112), or null where the text is none. */
export function readHttp(text: string): HttpAnswer | null {
  const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(text) ?? []
  if (status === undefined) return null
  // trimmed apart: a pattern that trims goes over a long run of blanks again and again
  const [, line = ''] = /^server:(.*)$/im.exec(text) ?? []
  const server = line.trim()
  return { status: Number(status), server: server === '' ? null : visible(server) }
}
