import { writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { startAcmeGate, type AcmeGate } from './acme-gate.ts'
import { type Certificate, createAuthority, createCertificate } from './certificates.ts'
import { freePort } from './ports.ts'
import { accepting, isInstalled, startProcess, temporaryFolder, type Running } from './process.ts'

/**
 * Which Pebble: `debian` is the system's (2.4 on Debian 12: no renewal information, profiles, subproblems or
 * Retry-After), `new` is the one that .ci/run unpacks beside it.
 */
export type PebbleEdition = 'debian' | 'new'

/** How a Pebble behaves. */
export interface PebbleOptions {
  readonly edition?: PebbleEdition
  /** key id → MAC key, base64url; wanted from every new account then */
  readonly bindings?: Readonly<Record<string, string>>
  /** percent of good nonces that it refuses. Default 0 */
  readonly nonceReject?: number
  /** takes every challenge for right without looking. Default false */
  readonly alwaysValid?: boolean
  /** percent of valid authorizations that it uses again. Default 0 */
  readonly reuseAuthorizations?: number
  /** certificates between leaf and root. Default 1 */
  readonly chainLength?: number
  /** further roots, each with chains of its own. Default 0 */
  readonly alternateRoots?: number
  readonly ordersPerPage?: number
  /** names that it refuses (new) */
  readonly blocklist?: readonly string[]
  /** profile → seconds of validity (new) */
  readonly profiles?: Readonly<Record<string, number>>
  /** seconds of the Retry-After of pending authorizations and processing orders (new) */
  readonly retryAfter?: { readonly authz: number; readonly order: number }
  /** where it validates; free ports by default */
  readonly httpPort?: number
  readonly tlsPort?: number
  /** a DNS server that answers its questions, host:port. Default: none is asked where it looks at nothing */
  readonly dnsServer?: string
  /** starts pebble-challtestsrv, and asks it as the DNS server */
  readonly withDns?: boolean
}

/** A Pebble that is running, behind a gate that counts. */
export interface Pebble {
  readonly directoryUrl: string
  /** PEM of the root that its API's TLS certificate is issued under */
  readonly trustRoots: string
  readonly gate: AcmeGate
  readonly httpPort: number
  readonly tlsPort: number
  /** PEM of the root that issued certificates lead to; alternate ones from 1 */
  readonly issuingRoot: (number?: number) => Promise<string>
  /** what it tells of a certificate: `Valid` or `Revoked`, with the number of the reason */
  readonly statusOf: (serial: string) => Promise<{ readonly status: string; readonly reason: number | null }>
  /** what renewal information of a certificate shall say from now on (new) */
  readonly setRenewalInfo: (certificatePem: string, response: string) => Promise<void>
  /** null without `withDns` */
  readonly dns: ChallengeDns | null
  readonly output: () => string
  readonly stop: () => Promise<void>
}

/** The DNS that Pebble asks: every name is 127.0.0.1, and TXT records are as they are set. */
export interface ChallengeDns {
  /** host:port, UDP and TCP */
  readonly server: string
  readonly setTxt: (name: string, value: string) => Promise<void>
  readonly clearTxt: (name: string) => Promise<void>
}

const folderOfNew =
  process.env['TLSWARD_NEW_PEBBLE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tlsward', 'pebble')

/** The program of an edition. */
export function pebbleProgram(edition: PebbleEdition, name = 'pebble'): string {
  return edition === 'debian' ? name : join(folderOfNew, 'usr', 'bin', name)
}

/** Why an edition cannot be started here, or undefined when it can. */
export function pebbleMissing(edition: PebbleEdition): string | undefined {
  if (isInstalled(pebbleProgram(edition))) return undefined
  return edition === 'debian'
    ? 'pebble is not installed'
    : `no newer pebble is in ${folderOfNew}: see .ci/run`
}

/** Starts a Pebble on free ports of the loopback and waits until it answers. */
export async function startPebble(options: PebbleOptions = {}): Promise<Pebble> {
  const root = createAuthority('Pebble API root')
  const certificate = createCertificate({ names: ['localhost'], ips: ['127.0.0.1'], issuer: root })
  const dns = options.withDns ? await startChallengeDns(options.edition ?? 'debian') : null
  for (let tries = 1; ; tries++) {
    const pebble = await attempt(options, { certificate, dnsServer: dns?.server ?? options.dnsServer })
    try {
      await accepting('127.0.0.1', pebble.apiPort, pebble.running)
    } catch (error) {
      await pebble.stop()
      // another process can have taken one of the ports meanwhile
      if (tries < 3) continue
      await dns?.stop()
      throw error
    }
    return finished(pebble, { root, certificate, dns })
  }
}

type Started = Awaited<ReturnType<typeof attempt>>

interface Ground {
  readonly certificate: Certificate
  readonly dnsServer: string | undefined
}

async function attempt(options: PebbleOptions, { certificate, dnsServer }: Ground) {
  const folder = temporaryFolder()
  const file = (name: string, text: string) => {
    const path = join(folder.path, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const [apiPort, managementPort] = [await freePort(), await freePort()]
  const httpPort = options.httpPort ?? (await freePort())
  const tlsPort = options.tlsPort ?? (await freePort())
  const { bindings, blocklist, profiles, retryAfter } = options
  const config = {
    listenAddress: `127.0.0.1:${apiPort}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: file('api.pem', certificate.pem),
    privateKey: file('api.key', certificate.keyPem),
    httpPort,
    tlsPort,
    ocspResponderURL: '',
    externalAccountBindingRequired: bindings !== undefined,
    externalAccountMACKeys: bindings ?? {},
    ...(blocklist ? { domainBlocklist: blocklist } : {}),
    ...(profiles ? { profiles: profilesOf(profiles) } : {}),
    ...(retryAfter ? { retryAfter } : {})
  }
  const running = startProcess({
    program: pebbleProgram(options.edition ?? 'debian'),
    args: [
      '-config',
      file('pebble.json', JSON.stringify({ pebble: config })),
      // never the system's: it would be asked for names of the tests
      '-dnsserver',
      dnsServer ?? '127.0.0.1:1'
    ],
    env: environmentOf(options)
  })
  const stop = async () => {
    await running.stop()
    folder.remove()
  }
  return { running, apiPort, managementPort, httpPort, tlsPort, stop }
}

function profilesOf(profiles: Readonly<Record<string, number>>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(profiles).map(([name, validityPeriod]) => [name, { description: name, validityPeriod }])
  )
}

function environmentOf(options: PebbleOptions): Record<string, string> {
  const { nonceReject = 0, reuseAuthorizations = 0, chainLength = 1, alternateRoots = 0 } = options
  return {
    PEBBLE_VA_NOSLEEP: '1',
    PEBBLE_VA_ALWAYS_VALID: options.alwaysValid ? '1' : '0',
    PEBBLE_WFE_NONCEREJECT: String(nonceReject),
    PEBBLE_AUTHZREUSE: String(reuseAuthorizations),
    PEBBLE_CHAIN_LENGTH: String(chainLength),
    PEBBLE_ALTERNATE_ROOTS: String(alternateRoots),
    ...(options.ordersPerPage ? { PEBBLE_WFE_ORDERS_PER_PAGE: String(options.ordersPerPage) } : {})
  }
}

interface Surroundings {
  readonly root: Certificate
  readonly certificate: Certificate
  readonly dns: (ChallengeDns & { readonly stop: () => Promise<void> }) | null
}

async function finished(started: Started, { root, certificate, dns }: Surroundings): Promise<Pebble> {
  const { running, apiPort, managementPort, httpPort, tlsPort } = started
  const gate = await startAcmeGate({ port: apiPort, certificate })
  const manage = (path: string, body?: object) => ask(managementPort, path, body)
  return {
    directoryUrl: `https://127.0.0.1:${gate.port}/dir`,
    trustRoots: root.pem,
    gate,
    httpPort,
    tlsPort,
    issuingRoot: (number = 0) => manage(`/roots/${number}`),
    async statusOf(serial) {
      const told = JSON.parse(await manage(`/cert-status-by-serial/${serial}`)) as Record<string, unknown>
      return {
        status: String(told['Status']),
        reason: told['Reason'] == null ? null : Number(told['Reason'])
      }
    },
    setRenewalInfo: async (pem, response) =>
      void (await manage('/set-renewal-info/', { Certificate: pem, ARIResponse: response })),
    dns,
    output: running.output,
    async stop() {
      await gate.close()
      await started.stop()
      await dns?.stop()
    }
  }
}

function ask(port: number, path: string, body?: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, rejectUnauthorized: false, agent: false } as const
    // the newer one refuses whoever does not say who it is
    const headers = { 'user-agent': 'peers' }
    const asking = request({ ...options, headers, method: body ? 'POST' : 'GET' }, (reply) => {
      let text = ''
      reply.on('data', (chunk: Buffer) => (text += chunk.toString()))
      reply.on('end', () =>
        reply.statusCode === 200
          ? resolve(text)
          : reject(new Error(`pebble answers ${String(reply.statusCode)} to ${path}: ${text}`))
      )
    })
    asking.on('error', reject)
    asking.end(body ? JSON.stringify(body) : undefined)
  })
}

async function startChallengeDns(
  edition: PebbleEdition
): Promise<ChallengeDns & { readonly stop: () => Promise<void> }> {
  const [dnsPort, managementPort] = [await freePort(), await freePort()]
  const running: Running = startProcess({
    program: pebbleProgram(edition, 'pebble-challtestsrv'),
    args: [
      edition === 'new' ? '-dnsserver' : '-dns01',
      `127.0.0.1:${dnsPort}`,
      '-management',
      `127.0.0.1:${managementPort}`,
      '-defaultIPv6',
      '',
      // its answers to challenges are not wanted, the tests have solvers of their own
      ...off('-http01', '-https01', '-tlsalpn01', ...(edition === 'new' ? ['-doh'] : []))
    ]
  })
  const manage = async (path: string, body: object) => {
    const url = `http://127.0.0.1:${managementPort}${path}`
    const reply = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
    if (!reply.ok) throw new Error(`pebble-challtestsrv answers ${reply.status} to ${path}`)
  }
  const fqdn = (name: string) => `${name.replace(/\.$/, '')}.`
  try {
    await accepting('127.0.0.1', managementPort, running)
    await accepting('127.0.0.1', dnsPort, running)
  } catch (error) {
    await running.stop()
    throw error
  }
  return {
    server: `127.0.0.1:${dnsPort}`,
    setTxt: (name, value) => manage('/set-txt', { host: fqdn(name), value }),
    clearTxt: (name) => manage('/clear-txt', { host: fqdn(name) }),
    stop: () => running.stop()
  }
}

function off(...options: readonly string[]): string[] {
  return options.flatMap((option) => [option, ''])
}
