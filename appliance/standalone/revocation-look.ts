import { create } from 'axios'
import { join } from 'node:path'
import { Fault } from '../../core/fault.ts'
import { ChainCertificate } from '../../pki/chain-certificate.ts'
import { revocationOf, type RevocationDeps } from '../../sensor/scan/revocation.ts'
import type { Exclusions } from '../../sensor/scan/targets/exclusions.ts'
import type { EndpointRow } from '../../sensor/store/endpoint-pages.ts'
import type { Look } from '../functions.ts'
import { leafRecord } from '../leaf-record.ts'
import type { Places } from '../places.ts'
import { readSettings } from '../settings.ts'
import { openAnswerCache, rememberAnswers } from './answer-cache.ts'
import { revocationRecord } from './look-records.ts'
import type { ScanningDeps } from './scanning.ts'
import { spares } from './spared.ts'

/** Certificates of a chain among which the issuer is looked for: each may cost the check of a signature. */
const mostServed = 32

/** What the asking for revocation works with. */
export interface RevocationLookDeps extends ScanningDeps {
  readonly where: Places
  /** what must not be touched, as it stands when the looks begin */
  readonly exclusions: Exclusions
  readonly tell: (look: Look) => void
}

/** Asks for each certificate once, however many endpoints show it, and tells each answer. */
export async function lookForRevocation(
  rows: readonly EndpointRow[],
  deps: RevocationLookDeps,
  signal: AbortSignal
): Promise<void> {
  const { outgoing } = readSettings(deps.where)
  const asking: RevocationDeps = {
    clock: deps.clock,
    http: create(),
    cache: rememberAnswers(openAnswerCache(join(deps.where.state, 'revocation'), deps.clock)),
    inVain: new Map(),
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
    if (!signal.aborted) deps.tell(revocationRecord(leafRecord(row), answer, deps.clock.now()))
  }
}

/** The certificate that issued a leaf: among those served with it, else among the trusted roots. */
function issuerOf(chain: number, leaf: number, { store, trust }: RevocationLookDeps): Uint8Array | undefined {
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
