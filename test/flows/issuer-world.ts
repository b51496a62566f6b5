import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import { readCsr } from '../../pki/csr.ts'
import type { AcmeIssuerSettings } from '../../sensor/issuance/acme-settings.ts'
import { acmeIssuer, type AcmeIssuer } from '../../sensor/issuance/acme.ts'
import type {
  Abandoned,
  CertificateRequest,
  Issuer,
  OrderMemory,
  Progress
} from '../../sensor/issuance/issuer.ts'
import type { KeyRing } from '../../sensor/issuance/key-ring.ts'
import type { HttpFilePlace } from '../../sensor/issuance/solvers/http-file.ts'
import { solverMaker, type SolverMaker } from '../../sensor/issuance/solvers/settings.ts'
import type { Solver } from '../../sensor/issuance/solvers/solver.ts'
import { type Bind, bindMissing, startBind } from '../peers/bind.ts'
import {
  pebbleMissing,
  startPebble,
  type Pebble,
  type PebbleEdition,
  type PebbleOptions
} from '../peers/pebble.ts'
import { temporaryFolder, skipFor } from '../peers/process.ts'

/** Why an edition of Pebble is skipped here; false: it is not. */
export function pebbleSkipped(edition: PebbleEdition): string | false {
  const missing = pebbleMissing(edition)
  return skipFor(missing)
}

/** Why BIND or an edition of Pebble is skipped here; false: they are not. */
export function dnsSkipped(edition: PebbleEdition): string | false {
  const missing = bindMissing()
  return skipFor(missing) || pebbleSkipped(edition)
}

/** All that an issuer needs to be opened in another process. */
export interface IssuerSite {
  /** keys and memories are files in it */
  readonly folder: string
  readonly settings: AcmeIssuerSettings
  /** by name, in clear: those of a test */
  readonly secrets: Readonly<Record<string, string>>
}

/** Where something happens to the process: called before and after each act, by its name. */
export type Happening = (moment: string) => void

/** A text in a file, replaced as a whole. */
export function fileMemory(path: string, name: string, happens: Happening = () => {}): OrderMemory {
  let writes = 0
  return {
    read: () => (existsSync(path) ? readFileSync(path, 'utf8') : null),
    write(text) {
      writes++
      happens(`before write ${writes} of ${name}`)
      writeFileSync(`${path}.new`, text)
      renameSync(`${path}.new`, path)
      happens(`after write ${writes} of ${name}`)
    }
  }
}

function fileKeys(folder: string, happens: Happening): KeyRing {
  const place = (name: string) => join(folder, `${encodeURIComponent(name)}.pem`)
  return {
    read: (name) => (existsSync(place(name)) ? new Secret(readFileSync(place(name), 'utf8')) : null),
    keep(name, key) {
      happens('before the key is kept')
      writeFileSync(place(name), key.reveal(), { flag: 'wx', mode: 0o600 })
      happens('after the key is kept')
    }
  }
}

/** The issuer of a site as a composer opens it. */
export function openIssuer(
  { folder, settings, secrets }: IssuerSite,
  happens: Happening = () => {}
): AcmeIssuer {
  const secret = (name: string) => (secrets[name] === undefined ? null : new Secret(secrets[name]))
  const tools = { clock: systemClock, random: systemRandom, secret, webRoot: folderOf }
  return acmeIssuer(
    {
      clock: systemClock,
      keys: fileKeys(folder, happens),
      account: fileMemory(join(folder, 'account.json'), 'the account', happens),
      secret,
      solver: watched(solverMaker(tools), happens)
    },
    settings
  )
}

/** A web root on this machine, whatever the device. */
function folderOf(_device: string, webRoot: string): HttpFilePlace {
  return {
    webRoot,
    put(path, text) {
      mkdirSync(dirname(path), { recursive: true })
      return Promise.resolve(writeFileSync(path, text))
    },
    remove: (path) => Promise.resolve(rmSync(path, { force: true }))
  }
}

function watched(maker: SolverMaker, happens: Happening): SolverMaker {
  return (settings): Solver => {
    const solver = maker(settings)
    return {
      type: solver.type,
      async present(challenge, signal) {
        happens('before an answer is presented')
        const presented = await solver.present(challenge, signal)
        happens('after an answer is presented')
        return presented
      },
      async cleanup(challenge, signal) {
        happens('before an answer is removed')
        await solver.cleanup(challenge, signal)
        happens('after an answer is removed')
      }
    }
  }
}

/** Takes an order to its end as the engine does, without its patience. */
export async function drive(
  issuer: Issuer,
  request: CertificateRequest,
  memory: OrderMemory
): Promise<Extract<Progress, { state: 'issued' }>> {
  const { signal } = new AbortController()
  for (let calls = 0; calls < 600; calls++) {
    const progress = await issuer.advance(request, memory, signal)
    if (progress.state === 'issued') return progress
    await pause(25)
  }
  throw new Error('the order comes to no end')
}

/** Gives an order up to the end, as the engine does without its patience. */
export async function abandon(issuer: Issuer, memory: OrderMemory): Promise<Abandoned['state']> {
  const { signal } = new AbortController()
  for (let calls = 0; calls < 100; calls++) {
    const { state } = await issuer.abandon(memory, signal)
    if (state !== 'pending') return state
  }
  throw new Error('the giving up comes to no end')
}

/** The request of a CSR that was kept, as the engine asks. */
export function requestOf(csr: Uint8Array, more: Partial<CertificateRequest> = {}): CertificateRequest {
  const { dnsNames, ipAddresses } = readCsr(csr)
  return {
    names: [...dnsNames, ...ipAddresses],
    csr,
    keyType: 'ec-p256',
    validityMs: null,
    issuerProfile: null,
    preferredChain: null,
    replaces: null,
    ...more
  }
}

/** A Pebble, and a site whose issuer orders there. */
export interface IssuerWorld {
  readonly pebble: Pebble
  readonly site: IssuerSite
  /** opens the issuer of the site, changed */
  readonly open: (
    more?: Partial<AcmeIssuerSettings>,
    secrets?: Readonly<Record<string, string>>
  ) => AcmeIssuer
  /** memory of an order, kept as text */
  readonly memory: () => OrderMemory & { readonly text: () => string | null }
}

/** Starts a Pebble that looks for answers at a port of the listener of the issuer. */
export async function issuerWorld(t: Test, options: PebbleOptions = {}): Promise<IssuerWorld> {
  const pebble = await startPebble({ withDns: true, ...options })
  const folder = temporaryFolder()
  t.teardown(async () => {
    await pebble.stop()
    folder.remove()
  })
  const site: IssuerSite = {
    folder: folder.path,
    settings: {
      directoryUrl: pebble.directoryUrl,
      trustRoots: pebble.trustRoots,
      account: 'pebble',
      contacts: ['ops@a.test'],
      agreesToTerms: true,
      proofs: [{ names: ['*'], solver: { kind: 'http-listener', host: '127.0.0.1', port: pebble.httpPort } }]
    },
    secrets: {}
  }
  return worldOf(t, pebble, site)
}

function worldOf(t: Test, pebble: Pebble, site: IssuerSite): IssuerWorld {
  return {
    pebble,
    site,
    open(more = {}, secrets = {}) {
      const settings = { ...site.settings, ...more }
      const issuer = openIssuer({ ...site, settings, secrets: { ...site.secrets, ...secrets } })
      t.teardown(() => issuer.close())
      return issuer
    },
    memory() {
      let text: string | null = null
      return { text: () => text, read: () => text, write: (next) => void (text = next) }
    }
  }
}

const tsig = {
  name: 'issuer',
  algorithm: 'hmac-sha256',
  secret: Buffer.alloc(32, 7).toString('base64')
} as const

/** Starts a BIND, and a Pebble that asks it; the issuer proves names in a.test and b.test by updates;
 * _acme-challenge.far.a.test is an alias of proofs.a.test. */
export async function dnsWorld(
  t: Test,
  options: PebbleOptions = {}
): Promise<IssuerWorld & { readonly bind: Bind }> {
  const policy = [`grant ${tsig.name} zonesub TXT`]
  const records = '_acme-challenge.far IN CNAME proofs.a.test.'
  const zones = [
    { name: 'a.test', policy, records },
    { name: 'b.test', policy }
  ]
  const bind = await startBind([tsig], zones)
  t.teardown(() => bind.stop())
  const { host, port } = bind
  const world = await issuerWorld(t, { ...options, withDns: false, dnsServer: `${host}:${port}` })
  const solver = {
    kind: 'rfc2136',
    server: { host, port },
    key: { name: tsig.name, secret: 'tsig' }
  } as const
  const settings = { ...world.site.settings, proofs: [{ names: ['*'], solver }] }
  return { ...worldOf(t, world.pebble, { ...world.site, settings, secrets: { tsig: tsig.secret } }), bind }
}
