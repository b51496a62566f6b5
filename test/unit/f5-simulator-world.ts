import { request } from 'node:https'
import { type Clock, systemClock } from '../../core/clock.ts'
import { type Certificate, createAuthority, createCertificate } from '../peers/certificates.ts'
import { freePort } from '../peers/ports.ts'
import { BigIp, type BigIpOptions, demoAccounts } from '../simulators/f5-bigip/big-ip.ts'
import type { Json, JsonObject } from '../simulators/f5-bigip/json.ts'
import type { Seed } from '../simulators/f5-bigip/seed.ts'

/** What came back. */
export interface Seen {
  readonly status: number
  readonly reason: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** the body as JSON; {} when it is none */
  readonly json: JsonObject
}

/** How to ask, beside method and path. */
export interface Asking {
  readonly body?: Json | Buffer | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** name of a demo account, for basic authentication; null: nobody. Default admin */
  readonly as?: string | null
  readonly token?: string
}

/** One request on a connection of its own, without anything of the product. */
export function ask(unit: BigIp, method: string, path: string, asking: Asking = {}): Promise<Seen> {
  const { body, as = 'admin', token, headers = {} } = asking
  const bytes = Buffer.isBuffer(body) ? body : body === undefined ? null : Buffer.from(JSON.stringify(body))
  const { promise, resolve, reject } = Promise.withResolvers<Seen>()
  const sent = request(
    {
      host: unit.host,
      port: unit.port,
      method,
      path: path.startsWith('/') ? path : `/mgmt/tm/${path}`,
      rejectUnauthorized: false,
      agent: false,
      headers: {
        ...(bytes ? { 'content-type': 'application/json', 'content-length': String(bytes.length) } : {}),
        ...(token === undefined && as !== null ? { authorization: basic(as) } : {}),
        ...(token === undefined ? {} : { 'x-f5-auth-token': token }),
        ...headers
      }
    },
    (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('aborted', () => reject(new Error('broken off')))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('latin1')
        const { statusCode: status = 0, statusMessage: reason = '', headers } = response
        resolve({ status, reason, headers, text, json: jsonOf(text) })
      })
    }
  )
  sent.on('error', reject)
  sent.end(bytes ?? undefined)
  return promise
}

function basic(name: string): string {
  const password = demoAccounts.find((account) => account.name === name)?.password ?? 'wrong'
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
}

function jsonOf(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject
  } catch {
    return {}
  }
}

/** Signs in; the token. */
export async function signIn(unit: BigIp, name = 'admin'): Promise<string> {
  const password = demoAccounts.find((account) => account.name === name)?.password ?? 'wrong'
  const body = { username: name, password, loginProviderName: 'tmos' }
  const { json } = await ask(unit, 'POST', '/mgmt/shared/authn/login', { body, as: null })
  return (json['token'] as JsonObject)['token'] as string
}

/** Uploads a file in one chunk. */
export function upload(unit: BigIp, name: string, content: string, asking: Asking = {}): Promise<Seen> {
  const body = Buffer.from(content)
  return ask(unit, 'POST', `/mgmt/shared/file-transfer/uploads/${name}`, {
    body,
    ...asking,
    headers: {
      'content-type': 'application/octet-stream',
      'content-range': `0-${body.length - 1}/${body.length}`,
      ...asking.headers
    }
  })
}

/** Uploads a pair and makes objects of it, NAME.crt and NAME.key. */
export async function install(unit: BigIp, name: string, { pem, keyPem }: Certificate): Promise<void> {
  for (const [kind, end, content] of [
    ['cert', 'crt', pem],
    ['key', 'key', keyPem]
  ] as const) {
    await upload(unit, `${name}.${end}`, content)
    const body = { name: `${name}.${end}`, sourcePath: `file:/var/config/rest/downloads/${name}.${end}` }
    const { status, text } = await ask(unit, 'POST', `sys/file/ssl-${kind}`, { body })
    if (status !== 200) throw new Error(text)
  }
}

/** A clock that a test sets forward; timers are real. */
export function movableClock(): Clock & { move(ms: number): void } {
  let moved = 0
  return { ...systemClock, now: () => systemClock.now() + moved, move: (ms) => void (moved += ms) }
}

/** A site as many have it: www with RSA and ECDSA, shop by name, an inheriting child, and plain HTTP. */
export interface Site {
  readonly seed: Seed
  readonly address: string
  /** of /Common/vs-www, where www and shop are */
  readonly port: number
  readonly childPort: number
  readonly plainPort: number
  readonly authority: Certificate
  readonly rsa: Certificate
  readonly ecdsa: Certificate
  readonly shop: Certificate
}

/** Makes the site; each call with certificates and ports of its own. */
export async function createSite(address = '127.0.4.1'): Promise<Site> {
  const root = createAuthority('Site Root', { key: 'rsa2048' })
  const authority = createAuthority('Site CA', { key: 'rsa2048', issuer: root })
  const leaf = (name: string, key: 'rsa2048' | 'p256') =>
    createCertificate({ names: [name], organization: 'Site', key, issuer: authority })
  const [rsa, ecdsa] = [leaf('www.example.org', 'rsa2048'), leaf('www.example.org', 'p256')]
  const shop = leaf('shop.example.org', 'rsa2048')
  const [port, childPort, plainPort] = [
    await freePort(address),
    await freePort(address),
    await freePort(address)
  ]
  const pair = (name: string) => ({
    name,
    cert: `/Common/${name}.crt`,
    key: `/Common/${name}.key`,
    chain: '/Common/site-ca.crt'
  })
  const seed: Seed = {
    partitions: { Shop: 2 },
    certs: {
      '/Common/www-rsa.crt': rsa.pem,
      '/Common/www-ecdsa.crt': ecdsa.pem,
      '/Common/shop.crt': shop.pem,
      '/Common/site-ca.crt': authority.pem
    },
    keys: {
      '/Common/www-rsa.key': rsa.keyPem,
      '/Common/www-ecdsa.key': ecdsa.keyPem,
      '/Common/shop.key': shop.keyPem
    },
    clientSsl: {
      '/Common/www': { sniDefault: 'true', certKeyChain: [pair('www-rsa'), pair('www-ecdsa')] },
      '/Common/shop': { serverName: 'shop.example.org', certKeyChain: [pair('shop')] },
      '/Common/child': { defaultsFrom: '/Common/shop', serverName: 'none' }
    },
    virtuals: {
      '/Common/vs-www': {
        destination: `${address}:${port}`,
        profiles: ['/Common/http', '/Common/www', '/Common/shop']
      },
      '/Common/vs-child': {
        destination: `${address}%2:${childPort}`,
        profiles: ['/Common/http', '/Common/child']
      },
      '/Common/vs-plain': { destination: `${address}:${plainPort}`, profiles: ['/Common/http'] }
    }
  }
  return { seed, address, port, childPort, plainPort, authority, rsa, ecdsa, shop }
}

/** A unit with the site on it. */
export async function startSite(
  options: BigIpOptions = {}
): Promise<{ readonly unit: BigIp; readonly site: Site }> {
  const site = await createSite()
  const unit = await BigIp.start({ ...options, seed: { ...site.seed, ...options.seed } })
  return { unit, site }
}
