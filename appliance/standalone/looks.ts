import { create } from 'axios'
import { join } from 'node:path'
import PQueue from 'p-queue'
import { formatAddress, parseAddress } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import { ChainCertificate } from '../../pki/chain-certificate.ts'
import { keepRevocation } from '../../sensor/inventory/revoked.ts'
import { deepBudget, deepProbe } from '../../sensor/scan/deep/deep-probe.ts'
import type { StartTls } from '../../sensor/scan/observation.ts'
import { openDialer } from '../../sensor/scan/probe/open-dialer.ts'
import { revocationOf, type RevocationDeps } from '../../sensor/scan/revocation.ts'
import { readSshHostKeys } from '../../sensor/scan/ssh-keys.ts'
import type { Exclusions } from '../../sensor/scan/targets/exclusions.ts'
import { hasPort } from '../../sensor/scan/targets/ports.ts'
import type { EndpointRow } from '../../sensor/store/endpoint-pages.ts'
import type { Look, Looks, Progress } from '../functions.ts'
import { leafRecord } from '../leaf-record.ts'
import type { Places } from '../places.ts'
import { readSettings, settingsName } from '../settings.ts'
import { openAnswerCache } from './answer-cache.ts'
import { foundBy } from './found.ts'
import { createMeter } from './progress.ts'
import { deepRecord, revocationRecord, sshRecord } from './look-records.ts'
import { closedMs, type OwnScan, type ScanningDeps } from './scanning.ts'
import { createTurns, type Turns } from './turns.ts'

/** Certificates of a chain among which the issuer is looked for: each may cost the check of a signature. */
const mostServed = 32

/** Addresses that are looked at side by side. */
const sideBySide = 32

/** What closer looks work with. */
export interface LooksDeps extends ScanningDeps {
  readonly where: Places
  /** what must not be touched, as it stands when the looks begin */
  readonly exclusions: Exclusions
  readonly tell: (look: Look) => void
  readonly progress: (progress: Progress) => void
}

/** A place where something spoke SSH. */
export interface SshPlace {
  readonly address: string
  readonly port: number
}

/** Throws `outgoing-denied` when revocation is to be asked for and the settings allow to ask nobody. */
export function checkLooks({ revocation }: Looks, where: Places): void {
  if (!revocation || readSettings(where).outgoing !== 'no') return
  const file = join(where.config, settingsName)
  throw new Fault(
    'outgoing-denied',
    `--revocation asks servers that certificates name, and the settings do not allow it. Write {"outgoing": "public"} into ${file}.`,
    { field: '--revocation', file }
  )
}

/** Looks more closely at what a scan found, one connection at a time to an address, and tells each look. */
export async function lookCloser(
  { own, looks, ssh }: { readonly own: OwnScan; readonly looks: Looks; readonly ssh: readonly SshPlace[] },
  deps: LooksDeps,
  signal: AbortSignal
): Promise<void> {
  const turns = createTurns({
    clock: deps.clock,
    pace: own.request.options.pace,
    closedFor: () => closedMs(own.request, deps.clock)
  })
  const tools = { deps, turns, signal }
  const { exclusions } = deps
  const rows = looks.deep || looks.revocation ? [...foundBy(own, deps.store, deps.clock.now())] : []
  const work = new Map<string, (() => Promise<void>)[]>()
  const plan = (address: string, act: () => Promise<void>) => {
    const acts = work.get(address)
    if (acts) acts.push(act)
    else work.set(address, [act])
  }
  if (looks.deep)
    for (const row of rows)
      if (!exclusions.covers(row.address, row.port, row.name))
        plan(formatAddress(row.address), () => lookDeep(row, tools))
  if (looks.ssh)
    for (const place of ssh)
      if (!spares(exclusions, place.address, place.port)) plan(place.address, () => lookSsh(place, tools))

  const size = [...work.values()].reduce((sum, acts) => sum + acts.length, 0)
  const meter = createMeter(deps.clock, { size, done: 0 })
  const { concurrency, subnetConcurrency } = own.request.options.pace
  const queue = new PQueue({ concurrency: Math.min(sideBySide, concurrency, subnetConcurrency) })
  const lanes = [...work.values()].map((acts) => async () => {
    for (const act of acts) {
      if (signal.aborted) return
      await act()
      meter.add(1, 0)
      deps.progress({ ...meter.read('looking closer'), found: null })
    }
  })
  await queue.addAll(lanes)
  if (looks.revocation) await lookForRevocation(rows, tools)
}

/** may this host, a name or an address, not be touched? */
function spares(exclusions: Exclusions, host: string, port: number): boolean {
  const address = parseAddress(host)
  if (address !== undefined) return exclusions.covers(address, port, null)
  return hasPort(exclusions.portsOfName(host), port)
}

interface LookTools {
  readonly deps: LooksDeps
  readonly turns: Turns
  readonly signal: AbortSignal
}

async function lookDeep(row: EndpointRow, { deps, turns, signal }: LookTools): Promise<void> {
  const address = formatAddress(row.address)
  const endpoint = { address, port: row.port, name: row.name, starttls: row.starttls as StartTls | null }
  const { clock, random } = deps
  const tools = {
    dialer: openDialer('auto'),
    clock,
    random,
    budget: deepBudget,
    turn: () => turns(address, signal)
  }
  deps.tell(deepRecord(await deepProbe(endpoint, tools, signal)))
}

async function lookSsh(place: SshPlace, { deps, turns, signal }: LookTools): Promise<void> {
  const { connectMs, answerMs } = deepBudget
  const tools = { clock: deps.clock, connectMs, answerMs, turn: () => turns(place.address, signal) }
  deps.tell(sshRecord(place, await readSshHostKeys(place, tools, signal)))
}

/** Asks for each certificate once, however many endpoints show it. */
async function lookForRevocation(rows: readonly EndpointRow[], { deps, signal }: LookTools): Promise<void> {
  const { outgoing } = readSettings(deps.where)
  const cache = openAnswerCache(join(deps.where.state, 'revocation'), deps.clock)
  const asking: RevocationDeps = {
    clock: deps.clock,
    http: create(),
    cache,
    allow: () => outgoing,
    spares: (host, port) => spares(deps.exclusions, host, port)
  }
  const chains = new Map(
    rows
      .flatMap(({ chain, otherChain }) => [chain, otherChain])
      .flatMap((id) => {
        const leaf = id === null ? undefined : deps.store.chains.byId(id)?.leaf
        return id === null || leaf === undefined ? [] : [[leaf, id] as const]
      })
  )
  for (const [leaf, chain] of chains) {
    if (signal.aborted) return
    const row = deps.store.certificates.byId(leaf)
    if (!row) continue
    const issuer = issuerOf(chain, leaf, deps)
    const asked = { leaf: deps.store.certificates.der(leaf), issuer: issuer ?? new Uint8Array() }
    const answer = issuer ? await revocationOf(asked, asking, signal) : null
    keepRevocation(deps.store, leaf, answer)
    deps.tell(revocationRecord(leafRecord(row), answer))
  }
}

/** The certificate that issued a leaf: among those served with it, else among the trusted roots. */
function issuerOf(chain: number, leaf: number, { store, trust }: LooksDeps): Uint8Array | undefined {
  const certificate = readOr(store.certificates.der(leaf))
  if (!certificate) return undefined
  const served = store.chains
    .members(chain)
    .slice(0, mostServed)
    .flatMap((id) => readOr(store.certificates.der(id)) ?? [])
  const candidates = [...served, ...trust.roots.issuersOf(certificate)]
  return candidates.find((one) => one.subjectKey === certificate.issuerKey && certificate.isSignedBy(one))
    ?.der
}

function readOr(der: Uint8Array): ChainCertificate | undefined {
  try {
    return new ChainCertificate(der)
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined
    throw thrown
  }
}
