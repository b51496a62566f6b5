import { lookup } from 'node:dns/promises'
import { isAxiosError, isCancel, type AxiosInstance, type AxiosResponse } from 'axios'
import ipaddr from 'ipaddr.js'
import type { Clock } from '../../core/clock.ts'

/**
 * What may be asked of a URL that a stranger's certificate names: nothing, a server on the public internet, or
 * any server, also one in a private network or on this machine.
 */
export type Allowance = 'no' | 'public' | 'any'

/** How a request went wrong: a closed list. */
export const outgoingFailures = {
  'not-allowed': 'the configuration does not allow to ask there',
  'private-address': 'the host has a private address, and only public ones are allowed',
  unreachable: 'no connection came about, or it broke',
  timeout: 'no whole answer came in time',
  'too-large': 'the answer is larger than allowed',
  'http-error': 'the server answered with an error',
  redirected: 'the server sends elsewhere, too often or in a way that is not followed'
} as const

/** One word of {@link outgoingFailures}. */
export type OutgoingFailure = keyof typeof outgoingFailures

/** A GET, or a POST when there is a body. */
export interface OutgoingRequest {
  readonly url: string
  readonly body?: { readonly bytes: Uint8Array; readonly type: string }
  /** media type that is wanted */
  readonly accept: string
  /** of the answer's body */
  readonly maxBytes: number
  /** until the whole answer is there, redirects included */
  readonly timeoutMs: number
}

/** The body of a good answer, or why there is none; `detail` is for a person. */
export type OutgoingAnswer =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly failure: OutgoingFailure; readonly detail: string }

/** What a request is made with. */
export interface OutgoingDeps {
  /** asked for every URL, also those that a server redirects to */
  allow(url: URL): Allowance
  /** is this host, a name or an address, on the do-not-scan list? Asked of every address that a name leads to */
  readonly spares?: (host: string, port: number) => boolean
  /**
   * an axios instance; the proxy of its defaults is used where it has one, and looks up the names then (what it
   * may reach is its own matter), else none
   */
  readonly http: AxiosInstance
  readonly clock: Clock
}

const maxRedirects = 3

/**
 * Asks a URL that comes from a stranger: http and https only, each redirect allowed by itself, the address
 * checked when the connection is made, size and time bounded. It never throws for what comes back.
 */
export async function askOutside(
  request: OutgoingRequest,
  deps: OutgoingDeps,
  signal: AbortSignal
): Promise<OutgoingAnswer> {
  const deadline = new AbortController()
  const cancel = deps.clock.after(request.timeoutMs, () => deadline.abort())
  try {
    let url = request.url
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const answer = await askOnce({ ...request, url }, deps, AbortSignal.any([signal, deadline.signal]))
      if (!('location' in answer)) return answer
      url = answer.location
    }
    return failed('redirected', `more than ${maxRedirects} times`)
  } catch (thrown) {
    return deadline.signal.aborted ? failed('timeout', `${request.timeoutMs} ms`) : failureOf(thrown)
  } finally {
    cancel()
  }
}

type Hop = OutgoingAnswer | { readonly location: string }

async function askOnce(request: OutgoingRequest, deps: OutgoingDeps, signal: AbortSignal): Promise<Hop> {
  const url = URL.canParse(request.url) ? new URL(request.url) : null
  if (!url || !isWeb(url)) return failed('not-allowed', 'only http and https URLs are asked')
  const allowance = deps.allow(url)
  if (allowance === 'no') return failed('not-allowed', url.host)
  const guard = guardOf(url, allowance, deps)
  const forbidden = guard(unbracketed(url.hostname))
  if (forbidden) return failed(forbidden, url.host)
  const { proxy } = deps.http.defaults
  const response: AxiosResponse<Buffer> = await deps.http.request({
    url: url.href,
    ...(request.body ? { method: 'POST', data: Buffer.from(request.body.bytes) } : { method: 'GET' }),
    headers: {
      accept: request.accept,
      'accept-encoding': 'identity',
      'user-agent': 'tlsward',
      ...(request.body ? { 'content-type': request.body.type } : {})
    },
    responseType: 'arraybuffer',
    maxContentLength: request.maxBytes,
    decompress: false,
    maxRedirects: 0,
    validateStatus: () => true,
    // none from the environment: what is allowed must not depend on it
    proxy: proxy ?? false,
    ...(proxy ? {} : { lookup: guardedLookup(guard) }),
    signal
  })
  return readResponse(response, { url, isPost: request.body !== undefined })
}

/** May it be asked at all: is it of HTTP? */
export function isWeb({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:'
}

function readResponse(
  { status, headers, data }: AxiosResponse<Buffer>,
  { url, isPost }: { readonly url: URL; readonly isPost: boolean }
): Hop {
  if (status === 200) return { ok: true, bytes: data }
  if (status < 300 || status > 399) return failed('http-error', `status ${status}`)
  const location: unknown = headers['location']
  // 301, 302 and 303 make a GET of a POST (RFC 9110 §15.4), which asks nothing
  const isFollowed = !isPost || status === 307 || status === 308
  if (typeof location !== 'string' || !isFollowed || !URL.canParse(location, url.href)) {
    return failed('redirected', `status ${status}`)
  }
  return { location: new URL(location, url).href }
}

/** why a host, a name or an address, may not be connected to */
type Guard = (host: string) => 'private-address' | 'not-allowed' | undefined

function guardOf(url: URL, allowance: Allowance, { spares }: OutgoingDeps): Guard {
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  return (host) => {
    if (allowance === 'public' && isPrivate(host)) return 'private-address'
    return spares?.(host, port) ? 'not-allowed' : undefined
  }
}

class ForbiddenAddress extends Error {
  override readonly name = 'ForbiddenAddress'
  readonly failure: NonNullable<ReturnType<Guard>>

  constructor(host: string, failure: NonNullable<ReturnType<Guard>>) {
    super(host)
    this.failure = failure
  }
}

/** looks a name up for the connection itself, so that no second look-up can tell something else */
function guardedLookup(guard: Guard) {
  return async (hostname: string): Promise<{ address: string; family: 4 | 6 }[]> => {
    const addresses = await lookup(hostname, { all: true })
    for (const { address } of addresses) {
      const failure = guard(address)
      if (failure) throw new ForbiddenAddress(hostname, failure)
    }
    return addresses.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }))
  }
}

function unbracketed(host: string): string {
  return host.replace(/^\[|\]$/g, '')
}

/** an address that is not of the public internet; a name is none */
function isPrivate(host: string): boolean {
  return ipaddr.isValid(host) && ipaddr.process(host).range() !== 'unicast'
}

function failed(failure: OutgoingFailure, detail: string): OutgoingAnswer & { readonly ok: false } {
  return { ok: false, failure, detail }
}

function failureOf(thrown: unknown): OutgoingAnswer {
  if (!(thrown instanceof Error)) throw thrown
  const { cause } = thrown
  for (const one of [thrown, cause]) {
    if (one instanceof ForbiddenAddress) return failed(one.failure, one.message)
  }
  // axios has one code for all that is wrong with a response
  if (thrown.message.startsWith('maxContentLength')) return failed('too-large', thrown.message)
  if (isAxiosError(thrown) || isCancel(thrown)) return failed('unreachable', thrown.message)
  throw thrown
}
