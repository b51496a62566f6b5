import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AcmeCall } from './acme-gate.ts'
import { type Certificate, createAuthority, createCertificate, pemOf } from './certificates.ts'
import { listenWith, type Peer } from './peer.ts'

/** What the server is asked for. */
export type OddCall = Exclude<AcmeCall, 'other'>

/** One request as it was read; nothing of it is verified. */
export interface OddRequest {
  readonly call: OddCall
  readonly method: string
  readonly headers: IncomingMessage['headers']
  /** protected header of the signed message; empty when there is none */
  readonly header: Readonly<Record<string, unknown>>
  /** parsed payload; null for an empty one */
  readonly payload: unknown
}

/** What is sent. A header that is given as an empty text is left out. */
export interface OddReply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** text as it is, or a value to write as JSON */
  readonly body?: unknown
  /**
   * `cut`: the connection ends in the middle of the body; `drop`: it ends before anything is sent; `silent`:
   * nothing is ever sent
   */
  readonly how?: 'whole' | 'cut' | 'drop' | 'silent'
}

/**
 * How the server misbehaves: the odd reply to a request, or undefined for the good one. It gets the good reply
 * to change.
 */
export type Oddity = (request: OddRequest, good: OddReply) => OddReply | undefined

/** A CA that answers by itself as it should, unless an oddity says otherwise. */
export interface OddCa extends Peer {
  readonly url: (path: string) => string
  readonly directoryUrl: string
  /** PEM to trust */
  readonly trustRoots: string
  readonly requests: readonly OddRequest[]
  readonly count: (call: OddCall) => number
  /** replaces the oddity */
  readonly set: (oddity: Oddity) => void
}

const paths: Readonly<Record<string, OddCall>> = {
  '/directory': 'directory',
  '/nonce': 'nonce',
  '/account/new': 'newAccount',
  '/account/1': 'account',
  '/order/new': 'newOrder',
  '/order/1': 'order',
  '/orders': 'orders',
  '/authorization/1': 'authorization',
  '/challenge/1': 'challenge',
  '/order/1/finalize': 'finalize',
  '/certificate/1': 'certificate',
  '/revoke': 'revoke',
  '/key': 'keyChange'
}

/** Starts the server on the loopback. */
export async function startOddCa(oddity: Oddity = () => undefined): Promise<OddCa> {
  const root = createAuthority('Odd CA root')
  const leaf = createCertificate({ names: ['a.test', 'localhost'], ips: ['127.0.0.1'], issuer: root })
  const requests: OddRequest[] = []
  let odd = oddity
  const server = createServer({ key: leaf.keyPem, cert: pemOf(leaf.chain) }, (asked, answer) => {
    void read(asked).then((request) => {
      if (!request) return answer.writeHead(404).end()
      requests.push(request)
      const good = { ...goodReply(request.call, url, { root, leaf }) }
      return send(odd(request, good) ?? good, answer)
    })
  })
  const peer = await listenWith(server)
  const url = (path: string) => `https://127.0.0.1:${peer.port}${path}`
  return {
    ...peer,
    url,
    directoryUrl: url('/directory'),
    trustRoots: root.pem,
    requests,
    count: (call) => requests.filter((one) => one.call === call).length,
    set: (next) => void (odd = next)
  }
}

async function read(asked: IncomingMessage): Promise<OddRequest | undefined> {
  const path = asked.url ?? ''
  const call = paths[path] ?? (path.startsWith('/renewal/') ? 'renewalInfo' : undefined)
  if (call === undefined) return undefined
  let text = ''
  for await (const chunk of asked) text += String(chunk)
  const message = (text === '' ? {} : JSON.parse(text)) as Readonly<Record<string, string>>
  const decoded = (part: string | undefined): unknown => {
    const json = Buffer.from(part ?? '', 'base64url').toString()
    return json === '' ? null : JSON.parse(json)
  }
  return {
    call,
    method: asked.method ?? '',
    headers: asked.headers,
    header: (decoded(message['protected']) ?? {}) as Readonly<Record<string, unknown>>,
    payload: decoded(message['payload'])
  }
}

function goodReply(
  call: OddCall,
  url: (path: string) => string,
  { root, leaf }: { readonly root: Certificate; readonly leaf: Certificate }
): OddReply {
  const identifier = { type: 'dns', value: 'a.test' }
  const order = {
    status: 'pending',
    identifiers: [identifier],
    authorizations: [url('/authorization/1')],
    finalize: url('/order/1/finalize'),
    expires: '2030-01-02T03:04:05Z'
  }
  const challenge = {
    type: 'http-01',
    url: url('/challenge/1'),
    status: 'pending',
    token: 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA'
  }
  const account = { status: 'valid', contact: ['mailto:a@a.test'], orders: url('/orders') }
  const replies: Record<OddCall, OddReply> = {
    directory: {
      body: {
        newNonce: url('/nonce'),
        newAccount: url('/account/new'),
        newOrder: url('/order/new'),
        revokeCert: url('/revoke'),
        keyChange: url('/key'),
        renewalInfo: url('/renewal'),
        meta: { profiles: { classic: 'as ever' } }
      }
    },
    nonce: {},
    newAccount: { status: 201, headers: { location: url('/account/1') }, body: account },
    account: { body: account },
    newOrder: { status: 201, headers: { location: url('/order/1') }, body: order },
    order: { body: order },
    orders: { body: { orders: [url('/order/1')] } },
    authorization: { body: { status: 'pending', identifier, challenges: [challenge] } },
    challenge: { body: challenge },
    finalize: { body: { ...order, status: 'valid', certificate: url('/certificate/1') } },
    certificate: {
      headers: { 'content-type': 'application/pem-certificate-chain' },
      body: leaf.pem + root.pem
    },
    revoke: {},
    keyChange: {},
    renewalInfo: {
      body: {
        suggestedWindow: { start: '2030-01-01T00:00:00Z', end: '2030-01-03T00:00:00Z' },
        explanationURL: 'https://a.test/why'
      }
    }
  }
  return replies[call]
}

function send({ status = 200, headers = {}, body = '', how = 'whole' }: OddReply, answer: ServerResponse) {
  if (how === 'silent') return
  if (how === 'drop') {
    answer.socket?.destroy()
    return
  }
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  const all: Record<string, string> = {
    'content-type': 'application/json',
    'replay-nonce': randomBytes(16).toString('base64url'),
    'content-length': String(Buffer.byteLength(text)),
    ...headers
  }
  answer.writeHead(status, Object.fromEntries(Object.entries(all).filter(([, value]) => value !== '')))
  if (how === 'whole') answer.end(text)
  else answer.write(text.slice(0, text.length / 2), () => answer.destroy())
}

/** A problem document as a reply. */
export function problemReply(
  status: number,
  problem: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {}
): OddReply {
  return { status, headers: { 'content-type': 'application/problem+json', ...headers }, body: problem }
}

/** The URI of an ACME problem type. */
export function problemType(word: string): string {
  return `urn:ietf:params:acme:error:${word}`
}
