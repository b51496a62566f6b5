import {
  Agent as PlainAgent,
  request as plainRequest,
  type IncomingMessage,
  type RequestOptions
} from 'node:http'
import { Agent, request } from 'node:https'
import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import type { Log } from '../../core/log.ts'
import { connectionFault } from './connection-faults.ts'
import type { CheckedSettings } from './settings.ts'
import { TunnelAgent, type TunnelOptions } from './tunnel.ts'

/** One request as it goes over the wire. */
export interface WireRequest {
  readonly url: string
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly accept: string
  readonly body?: { readonly text: string; readonly mediaType: string }
  /**
   * a repeated one does no harm: it may use a connection that was kept, which the CA can have closed meanwhile,
   * and then goes out again
   */
  readonly isRepeatable: boolean
}

/** One answer, whole. */
export interface WireAnswer {
  readonly url: string
  readonly status: number
  /** in lower case; of several of a name, joined by a comma as Node does it */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
}

/** The way to one CA: its own agent, roots, proxy and limits. */
export interface Connection {
  /** One exchange. Throws a Fault acme-unreachable, acme-untrusted or acme-malformed, or the reason of the signal. */
  exchange(wanted: WireRequest, signal: AbortSignal): Promise<WireAnswer>
  /** ends the connections that were kept */
  close(): void
}

interface ConnectionDeps {
  readonly clock: Clock
  readonly log: Log
}

/** Makes the way to a CA; nothing is connected before the first exchange. */
export function openConnection(settings: CheckedSettings, { clock, log }: ConnectionDeps): Connection {
  const kept = agentOf(settings, true)
  const single = agentOf(settings, false)
  const once = async (wanted: WireRequest, signal: AbortSignal): Promise<WireAnswer> => {
    const deadline = new AbortController()
    const cancel = clock.after(settings.timeoutMs, () => deadline.abort())
    const agent = wanted.isRepeatable ? kept : single
    try {
      return await send(wanted, { settings, agent, signal: AbortSignal.any([signal, deadline.signal]) })
    } catch (thrown) {
      signal.throwIfAborted()
      if (deadline.signal.aborted) throw timedOut(settings)
      throw thrown
    } finally {
      cancel()
    }
  }
  return {
    async exchange(wanted, signal) {
      signal.throwIfAborted()
      const began = clock.ticks()
      const answer = await once(wanted, signal)
        .catch((thrown: unknown) => {
          if (thrown instanceof StaleConnection) return once(wanted, signal)
          throw thrown
        })
        .catch((thrown: unknown) => {
          signal.throwIfAborted()
          throw connectionFault(thrown, settings)
        })
      const ms = Math.round(clock.ticks() - began)
      log.debug('acme-exchange', { method: wanted.method, url: wanted.url, status: answer.status, ms })
      return answer
    },
    close() {
      kept.destroy()
      single.destroy()
    }
  }
}

/** the CA closed a connection that was kept before it read the request */
class StaleConnection extends Error {
  override readonly name = 'StaleConnection'
}

function agentOf(settings: CheckedSettings, keepAlive: boolean): PlainAgent {
  const { trustRoots, proxy, directory } = settings
  // a CA is asked by one worker at a time, seldom by several
  const options = {
    keepAlive,
    maxSockets: 16,
    maxFreeSockets: 4,
    ...(trustRoots ? { ca: [...trustRoots] } : {})
  }
  if (directory.protocol === 'http:') return new PlainAgent({ keepAlive })
  return proxy ? new TunnelAgent(proxy, options) : new Agent(options)
}

interface Sending {
  readonly settings: CheckedSettings
  readonly agent: PlainAgent
  readonly signal: AbortSignal
}

function send(wanted: WireRequest, { settings, agent, signal }: Sending): Promise<WireAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>()
  const { body } = wanted
  const start = wanted.url.startsWith('http:') ? plainRequest : request
  const options: RequestOptions & TunnelOptions = {
    method: wanted.method,
    agent,
    signal,
    tunnelSignal: signal,
    headers: {
      accept: wanted.accept,
      'accept-encoding': 'identity',
      'accept-language': 'en',
      'user-agent': settings.userAgent,
      ...(body ? { 'content-type': body.mediaType, 'content-length': Buffer.byteLength(body.text) } : {})
    }
  }
  const outgoing = start(wanted.url, options)
  outgoing.on('error', (error) => {
    const isStale =
      outgoing.reusedSocket &&
      wanted.isRepeatable &&
      'code' in error &&
      (error.code === 'ECONNRESET' || error.code === 'EPIPE')
    reject(isStale ? new StaleConnection(error.message, { cause: error }) : error)
  })
  outgoing.on('response', (response) => {
    receive(wanted, response, settings).then(resolve, reject)
  })
  outgoing.end(body?.text)
  return promise
}

async function receive(
  { url, method }: WireRequest,
  response: IncomingMessage,
  { name, maxBodyBytes }: CheckedSettings
): Promise<WireAnswer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    // leaving the loop ends the connection
    if (size > maxBodyBytes) throw tooLarge(name, maxBodyBytes)
    chunks.push(chunk)
  }
  const encoding = response.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity' && method !== 'HEAD') throw encoded(name, encoding)
  const headers = Object.fromEntries(
    Object.entries(response.headers).map(([key, value]) => [
      key,
      Array.isArray(value) ? value.join(', ') : value
    ])
  )
  return { url, status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks) }
}

function tooLarge(name: string, maxBodyBytes: number): Fault {
  return new Fault(
    'acme-malformed',
    `The CA ${name} sends more than ${maxBodyBytes} bytes in one answer. Check that the address is that of an ACME directory.`,
    { maxBodyBytes }
  )
}

function encoded(name: string, encoding: string): Fault {
  return new Fault(
    'acme-malformed',
    `The CA ${name} sends an encoded body that was not asked for. Check the proxy and the address of the CA.`,
    { encoding: encoding.slice(0, 40) }
  )
}

function timedOut({ name, timeoutMs }: CheckedSettings): Fault {
  return new Fault(
    'acme-unreachable',
    `The CA ${name} gave no whole answer within ${timeoutMs / 1000} s. Check the network, the proxy, and the address of the CA.`,
    { timeoutMs }
  )
}
