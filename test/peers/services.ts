import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StartTls } from '../../sensor/scan/observation.ts'
import { type Certificate, createCertificate, pemOf } from './certificates.ts'
import type { Peer } from './peer.ts'
import { freePort } from './ports.ts'
import { type Running, accepting, isInstalled, run, startProcess, temporaryFolder } from './process.ts'
import { type Expectation, type PeerRow, type SClientLook, ends, row, shows } from './row.ts'
import { dovecot } from './services/dovecot.ts'
import { haproxy } from './services/haproxy.ts'
import { mariadb } from './services/mariadb.ts'
import { nginx } from './services/nginx.ts'
import { postfix } from './services/postfix.ts'
import { postgresql } from './services/postgresql.ts'
import { prosody } from './services/prosody.ts'
import type { Recipe, ServicePort, Site } from './services/recipe.ts'
import { slapd } from './services/slapd.ts'
import { vsftpd } from './services/vsftpd.ts'
import { sclientArgs } from './starttls.ts'
import type { Testbed } from './testbed.ts'
import { looksByKey } from './tls-rows.ts'

const recipes = { nginx, haproxy, postfix, dovecot, slapd, vsftpd, postgresql, mariadb, prosody } as const

/** A server program of Debian that can be started here. */
export type ServiceName = keyof typeof recipes

/** All of them. */
export const serviceNames = Object.keys(recipes) as readonly ServiceName[]

/** What a service is started with. */
export interface ServiceOptions {
  readonly certificate: Certificate
  /** for a port that shows two certificates; default: a fresh self-signed one with an RSA key */
  readonly twin?: Certificate
  /** an existing folder that every user may enter; default: a temporary one */
  readonly dir?: string
  readonly host?: string
}

/** A service that is running. */
export interface Service {
  readonly name: ServiceName
  readonly host: string
  readonly ports: readonly {
    what: string
    port: number
    starttls: StartTls | null
    serverName: string | null
  }[]
  /** files that a renewal would replace */
  readonly files: { readonly certificate: string; readonly key: string }
  readonly running: Running
  /** ends it and removes what it wrote */
  readonly stop: () => Promise<void>
}

/** Why the service cannot be started here, or undefined when it can. */
export function serviceMissing(name: ServiceName): string | undefined {
  const missing = recipes[name].programs.filter((program) => !isInstalled(program))
  if (missing.length > 0) return `${name} is not installed: ${missing.join(', ')}`
  return process.getuid?.() === 0 ? undefined : `${name} is started as root only`
}

/** Starts a service on free ports of the loopback and waits until every port accepts. */
export async function startService(name: ServiceName, options: ServiceOptions): Promise<Service> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptService(name, options)
    } catch (error) {
      // another process can have taken one of the ports meanwhile
      if (attempt === 3) throw new Error(`${name} does not start: ${String(error)}`, { cause: error })
    }
  }
}

async function attemptService(name: ServiceName, options: ServiceOptions): Promise<Service> {
  const recipe: Recipe = recipes[name]
  const temporary = options.dir === undefined ? temporaryFolder() : undefined
  const folder = join(options.dir ?? temporary?.path ?? '', name)
  const { host = '127.0.0.1' } = options
  const ports = new Map<string, number>()
  for (const { what } of recipe.ports) ports.set(what, await freePort(host))
  const site = prepareSite({ folder, host, ports, options })
  const remove = () => (temporary ? temporary.remove() : rmSync(folder, { recursive: true, force: true }))
  let running: Running | undefined
  try {
    const started = startProcess(await recipe.configure(site))
    running = started
    await Promise.all([...ports.values()].map((port) => accepting(host, port, started)))
    return {
      name,
      host,
      ports: recipe.ports.map(({ what, starttls = null, serverName = null }) => ({
        what,
        starttls,
        serverName,
        port: site.port(what)
      })),
      files: site,
      running: started,
      async stop() {
        await started.stop()
        remove()
      }
    }
  } catch (error) {
    await running?.stop()
    remove()
    throw error
  }
}

interface SiteParts {
  readonly folder: string
  readonly host: string
  readonly ports: ReadonlyMap<string, number>
  readonly options: ServiceOptions
}

function prepareSite({ folder, host, ports, options }: SiteParts): Site {
  const { certificate, twin = createCertificate({ names: ['twin.test'], key: 'rsa2048' }) } = options
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o755)
  const write = (file: string, text: string) => {
    const path = join(folder, file)
    // keys are among them: PostgreSQL and others refuse keys that others can read
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  return {
    folder,
    host,
    certificate: write('certificate.pem', pemOf(certificate.chain)),
    key: write('key.pem', certificate.keyPem),
    bundle: write('bundle.pem', pemOf(certificate.chain) + certificate.keyPem),
    twinCertificate: write('twin.pem', pemOf(twin.chain)),
    twinKey: write('twin-key.pem', twin.keyPem),
    write,
    run: (program, ...args) => run(program, args, folder),
    port(what) {
      const port = ports.get(what)
      if (port === undefined) throw new Error(`no port is called ${what}`)
      return port
    },
    makeFolder(name) {
      const path = join(folder, name)
      mkdirSync(path, { recursive: true })
      return path
    }
  }
}

/** A row for each port of each service; the ports of one service share one process. */
export function serviceRows(bed: Testbed): PeerRow[] {
  return serviceNames.flatMap((name) => {
    const certificate = createCertificate({
      names: [`${name}.test`, 'localhost'],
      ips: ['127.0.0.1'],
      issuer: bed.ecdsaIssuer
    })
    const twin = createCertificate({
      names: [`${name}.test`, 'localhost'],
      key: 'rsa2048',
      issuer: bed.rsaIssuer
    })
    const share = shared(() => startService(name, { certificate, twin }))
    return recipes[name].ports.map((port: ServicePort) =>
      row({
        name: `${name}-${port.what}`,
        family: 'service',
        serverName: port.serverName ?? null,
        missing: () => serviceMissing(name),
        ...expectationOf(port, certificate, twin),
        start: () => share(port.what)
      })
    )
  })
}

function expectationOf(
  port: ServicePort,
  certificate: Certificate,
  twin: Certificate
): Pick<PeerRow, 'expect' | 'sclient'> {
  if (port.meets === 'no TLS') return { expect: ends('not-tls'), sclient: [] }
  if (port.meets === 'a demand for a name')
    return { expect: ends('name-required', { alert: 112 }), sclient: [] }
  if (port.meets === 'both certificates') {
    return { expect: shows([certificate, twin]), sclient: looksByKey(twin, certificate) }
  }
  const expect: Expectation = shows([certificate], port.starttls ? { starttls: port.starttls } : {})
  const starttls = port.starttls ? (sclientArgs(port.starttls, port.serverName) ?? []) : []
  const name = port.serverName ? ['-servername', port.serverName] : []
  const look: SClientLook = { args: [...starttls, ...name], leaf: certificate.fingerprint }
  return { expect, sclient: [look] }
}

/** One service for all who ask while anybody uses it; it ends with the last one. */
function shared(start: () => Promise<Service>): (what: string) => Promise<Peer> {
  let users = 0
  let service: Promise<Service> | undefined
  return async (what) => {
    users++
    service ??= start()
    const current = service
    const { host, ports } = await current.catch((error: unknown) => {
      users--
      if (service === current) service = undefined
      throw error
    })
    let open = true
    return {
      host,
      port: ports.find((one) => one.what === what)?.port ?? 0,
      connections: null,
      async close() {
        if (!open) return
        open = false
        if (--users > 0) return
        service = undefined
        await (await current).stop()
      }
    }
  }
}
