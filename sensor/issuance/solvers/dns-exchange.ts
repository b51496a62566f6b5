import { connect } from 'node:net'
import type { Clock } from '../../../core/clock.ts'
import { formatEndpoint } from '../../../core/address.ts'
import { Fault } from '../../../core/fault.ts'

/** A DNS server that is asked over TCP. */
export interface DnsServer {
  /** IP address */
  readonly host: string
  readonly port: number
}

/** What bounds an exchange. */
export interface ExchangeBounds {
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Sends one message and gives the one that comes back (RFC 1035 §4.2.2), at most 64 KiB; the ids are not compared.
 * Fault dns-unreachable.
 */
export function exchange(server: DnsServer, message: Uint8Array, bounds: ExchangeBounds): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const socket = connect({ host: server.host, port: server.port })
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  let received = Buffer.alloc(0)
  const fail = (problem: string, cause?: unknown) => reject(unreachable(server, problem, cause))
  const cancel = bounds.clock.after(bounds.timeoutMs, () => fail(`no answer in ${bounds.timeoutMs} ms`))
  const abort = () => fail('the wait was stopped')
  bounds.signal.addEventListener('abort', abort, { once: true })
  if (bounds.signal.aborted) abort()
  socket.on('connect', () => socket.write(Buffer.concat([length, message])))
  socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message, error))
  socket.on('close', () => fail('it closed the connection without an answer'))
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    if (received.length < 2) return
    const end = 2 + received.readUInt16BE(0)
    if (received.length >= end) resolve(received.subarray(2, end))
  })
  return promise.finally(() => {
    cancel()
    bounds.signal.removeEventListener('abort', abort)
    socket.destroy()
  })
}

function unreachable(server: DnsServer, problem: string, cause?: unknown): Fault {
  const at = formatEndpoint(server.host, server.port)
  const message = `DNS server ${at}: ${problem}. Check the address, and that its TCP port is open.`
  return new Fault('dns-unreachable', message, { server: at }, cause)
}
