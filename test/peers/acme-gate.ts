import { createServer as createPlainServer, type IncomingHttpHeaders } from 'node:http'
import { createServer, request } from 'node:https'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Certificate, pemOf } from './certificates.ts'
import { listenWith, type Peer } from './peer.ts'

/** What a request to a CA is for, as far as its path tells. */
export type AcmeCall =
  | 'directory'
  | 'nonce'
  | 'newAccount'
  | 'account'
  | 'newOrder'
  | 'order'
  | 'orders'
  | 'authorization'
  | 'challenge'
  | 'finalize'
  | 'certificate'
  | 'revoke'
  | 'keyChange'
  | 'renewalInfo'
  | 'other'

/** One exchange as it went through the gate. */
export interface SeenCall {
  readonly call: AcmeCall
  readonly method: string
  readonly path: string
  readonly status: number
  /** the word of the problem type, when the CA refused with one */
  readonly problem: string | null
  readonly requestHeaders: IncomingHttpHeaders
}

/** A gate in front of a CA: TLS on both sides, it counts, and can lose answers. */
export interface AcmeGate extends Peer {
  readonly seen: readonly SeenCall[]
  /** how many calls the CA has accepted (status below 400), refused nonces not among them */
  readonly count: (call: AcmeCall) => number
  /** the next call of this kind that the CA accepts is done there, but its answer never arrives */
  readonly loseAnswer: (call: AcmeCall) => void
  /**
   * The next call of this kind is held for ever, before the CA sees it or after it has accepted it; resolves when it is.
   */
  readonly hold: (call: AcmeCall, when: 'before' | 'after') => Promise<void>
  /** changes the body of accepted answers from now on */
  readonly rewrite: (edit: BodyEdit) => void
}

/** Gives the body to send in place of that of the CA. */
export type BodyEdit = (call: AcmeCall, body: string) => string

/** Where the CA behind the gate is, and what the gate shows. */
export interface GateOptions {
  readonly port: number
  readonly certificate: Certificate
  /** which call is it? By path; the paths of pebble are known by default */
  readonly callOf?: (path: string) => AcmeCall
}

/** the paths of pebble, longest first where one begins another */
const pebblePaths: readonly (readonly [string, AcmeCall])[] = [
  ['/dir', 'directory'],
  ['/nonce-plz', 'nonce'],
  ['/sign-me-up', 'newAccount'],
  ['/my-account/', 'account'],
  ['/order-plz', 'newOrder'],
  ['/my-order/', 'order'],
  ['/list-orderz/', 'orders'],
  ['/authZ/', 'authorization'],
  ['/chalZ/', 'challenge'],
  ['/finalize-order/', 'finalize'],
  ['/certZ/', 'certificate'],
  ['/revoke-cert', 'revoke'],
  ['/rollover-account-key', 'keyChange'],
  ['/draft-ietf-acme-ari-03/renewalInfo/', 'renewalInfo']
]

/** Which call of pebble a path is. */
export function pebbleCall(path: string): AcmeCall {
  return pebblePaths.find(([prefix]) => path.startsWith(prefix))?.[1] ?? 'other'
}

/** Starts a gate. The CA sees the Host that the client named, so that its URLs lead through the gate. */
export async function startAcmeGate({
  port,
  certificate,
  callOf = pebbleCall
}: GateOptions): Promise<AcmeGate> {
  const seen: SeenCall[] = []
  const lost: AcmeCall[] = []
  const held: { readonly call: AcmeCall; readonly when: 'before' | 'after'; readonly tell: () => void }[] = []
  let edit: BodyEdit = (_call, body) => body
  const isHeld = (call: AcmeCall, when: 'before' | 'after') => {
    const at = held.findIndex((one) => one.call === call && one.when === when)
    for (const { tell } of at === -1 ? [] : held.splice(at, 1)) tell()
    return at !== -1
  }
  const server = createServer(
    { key: certificate.keyPem, cert: pemOf(certificate.chain) },
    (asked, answer) => {
      const path = asked.url ?? ''
      if (isHeld(callOf(path), 'before')) return
      const forward = request(
        // the CA behind is on this machine, its certificate is of no interest
        {
          host: '127.0.0.1',
          port,
          path,
          method: asked.method,
          headers: asked.headers,
          rejectUnauthorized: false
        },
        (reply) => {
          const chunks: Buffer[] = []
          reply.on('data', (chunk: Buffer) => chunks.push(chunk))
          reply.on('end', () => {
            const body = Buffer.concat(chunks)
            const status = reply.statusCode ?? 0
            const call = callOf(path)
            const problem = status < 400 ? null : problemWord(body)
            seen.push({
              call,
              method: asked.method ?? '',
              path,
              status,
              problem,
              requestHeaders: asked.headers
            })
            if (status < 400 && lost.includes(call)) {
              lost.splice(lost.indexOf(call), 1)
              return asked.socket.destroy()
            }
            if (status < 400 && isHeld(call, 'after')) return undefined
            const text = body.toString('latin1')
            const edited = status < 400 ? edit(call, text) : text
            const headers = edited === text ? reply.rawHeaders : withoutLength(reply.rawHeaders)
            return answer.writeHead(status, headers).end(Buffer.from(edited, 'latin1'))
          })
        }
      )
      forward.on('error', () => asked.socket.destroy())
      asked.pipe(forward)
    }
  )
  const peer = await listenWith(server)
  return {
    ...peer,
    seen,
    count: (call) => seen.filter((one) => one.call === call && one.status < 400).length,
    loseAnswer: (call) => void lost.push(call),
    hold: (call, when) => new Promise((tell) => held.push({ call, when, tell })),
    rewrite: (next) => void (edit = next)
  }
}

function withoutLength(headers: readonly string[]): string[] {
  return headers.filter((_text, at) => headers[at - (at % 2)]?.toLowerCase() !== 'content-length')
}

function problemWord(body: Buffer): string | null {
  return /"type":\s*"[^"]*:([A-Za-z]+)"/.exec(body.toString('utf8'))?.[1] ?? null
}

/** A proxy that tunnels, and tells what it was asked for. */
export interface ConnectProxy extends Peer {
  /** targets of CONNECT, in order */
  readonly targets: readonly string[]
}

/** How a proxy behaves: it may want a name and password, refuse every target, or never answer. */
export interface ProxyManner {
  readonly wants?: { readonly user: string; readonly password: string }
  readonly manner?: 'tunnels' | 'refuses' | 'stays-silent'
}

/** Starts an HTTP proxy on loopback that tunnels (CONNECT) to ports of this machine only. */
export async function startConnectProxy({
  wants,
  manner = 'tunnels'
}: ProxyManner = {}): Promise<ConnectProxy> {
  const targets: string[] = []
  const expected = wants && `Basic ${Buffer.from(`${wants.user}:${wants.password}`).toString('base64')}`
  const server = createPlainServer((_request, response) => void response.writeHead(405).end())
  server.on('connect', (asked, socket) => {
    targets.push(asked.url ?? '')
    socket.on('error', () => {})
    const isKnown = expected === undefined || asked.headers['proxy-authorization'] === expected
    if (manner === 'refuses') socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    else if (!isKnown) socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    else if (manner === 'tunnels') tunnel(socket, Number(/:(\d+)$/.exec(asked.url ?? '')?.[1]))
  })
  return { ...(await listenWith(server)), targets }
}

function tunnel(socket: Duplex, port: number): void {
  const onward = connect(port, '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    onward.pipe(socket).pipe(onward)
  })
  onward.on('error', () => socket.destroy())
  socket.on('close', () => onward.destroy())
}
