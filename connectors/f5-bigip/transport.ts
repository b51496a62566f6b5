import { isIP } from 'node:net'
import type { Agent } from 'node:https'
import axios, { isAxiosError } from 'axios'
import type { Clock } from '../../core/clock.ts'
import { asTransportFault, CheckingAgent, type Place, type Trust, unreachable } from './tls.ts'

/** One request as it goes over the wire. */
export interface WireRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** path and query, encoded */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
  readonly timeoutMs: number
  /** it may go out again when the unit had closed the connection that was kept */
  readonly isRepeatable: boolean
}

/** One answer, whole. */
export interface WireAnswer {
  readonly status: number
  readonly text: string
}

/** The way to one unit: one connection at a time, kept open between requests. */
export interface Transport {
  /** One exchange. Throws device-unreachable, device-pin or device-malformed, or the reason of the signal. */
  exchange(wanted: WireRequest, signal: AbortSignal): Promise<WireAnswer>
  /** leaf of the unit's own TLS certificate, DER, once there was a connection */
  leaf(): Buffer | undefined
  close(): void
}

/** more than the largest collection takes: 500 virtual servers with their profiles are 2 MiB */
const largestAnswer = 8 * 1024 * 1024

/** The way to a unit; nothing is connected before the first exchange. */
export function openTransport(place: Place, trust: Trust, clock: Clock): Transport {
  const agent = new CheckingAgent(place, trust)
  const once = async (wanted: WireRequest, signal: AbortSignal): Promise<WireAnswer> => {
    const deadline = new AbortController()
    const cancel = clock.after(wanted.timeoutMs, () => deadline.abort())
    try {
      return await send(wanted, place, { agent, signal: AbortSignal.any([signal, deadline.signal]) })
    } catch (thrown) {
      signal.throwIfAborted()
      const late = `no whole answer within ${wanted.timeoutMs / 1000} s`
      if (deadline.signal.aborted) throw unreachable(place, late)
      throw thrown
    } finally {
      cancel()
      agent.dropOpening()
    }
  }
  return {
    async exchange(wanted, signal) {
      signal.throwIfAborted()
      try {
        return await once(wanted, signal)
      } catch (thrown) {
        if (!isStale(thrown) || !wanted.isRepeatable) throw asTransportFault(place, thrown, signal)
      }
      return once(wanted, signal).catch((thrown: unknown) => {
        throw asTransportFault(place, thrown, signal)
      })
    },
    leaf: () => agent.leaf,
    close: () => agent.destroy()
  }
}

async function send(
  { method, path, headers, body }: WireRequest,
  { address, port }: Place,
  { agent, signal }: { readonly agent: Agent; readonly signal: AbortSignal }
): Promise<WireAnswer> {
  const host = isIP(address) === 6 ? `[${address}]` : address
  const { status, data } = await axios.request<Buffer>({
    adapter: 'http',
    url: `https://${host}:${port}${path}`,
    method,
    headers: {
      accept: 'application/json',
      'accept-encoding': 'identity',
      'user-agent': 'tlsward',
      ...headers
    },
    ...(body ? { data: body } : {}),
    httpsAgent: agent,
    // neither a proxy nor another server gets to see a credential
    proxy: false,
    maxRedirects: 0,
    decompress: false,
    responseType: 'arraybuffer',
    maxContentLength: largestAnswer,
    maxBodyLength: largestAnswer,
    validateStatus: () => true,
    signal
  })
  return { status, text: data.toString('utf8') }
}

/** did the unit close a connection that was kept, before it read the request? */
function isStale(thrown: unknown): boolean {
  if (!isAxiosError(thrown)) return false
  const request = thrown.request as { readonly reusedSocket?: boolean } | undefined
  return request?.reusedSocket === true && (thrown.code === 'ECONNRESET' || thrown.code === 'EPIPE')
}
