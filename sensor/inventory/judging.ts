import { hash } from 'node:crypto'
import { createCache } from '../../core/cache.ts'
import { Fault } from '../../core/fault.ts'
import { checkChain, type ChainReport, type ChainVerdict } from '../../pki/chain.ts'
import type { CertificateFields } from '../../pki/fields.ts'
import { readCertificate } from '../../pki/quick.ts'
import type { TrustStore } from '../../pki/trust-store.ts'
import type { CertificateRow, Trust as TrustedBy } from '../store/certificates.ts'
import type { StateColumns } from '../store/states.ts'
import type { Store } from '../store/store.ts'
import { certificateFindings, unreadableFindings } from './findings/certificate.ts'
import { chainFindings } from './findings/chain.ts'
import { nameFindings, stateFindings } from './findings/endpoint.ts'
import type { Finding } from './findings/finding.ts'

/** Whom to trust. */
export interface Trust {
  /** roots of the system and of one's own */
  readonly roots: TrustStore
  /** is the root of this fingerprint one that the public trusts, and not only one of one's own? */
  isPublic(fingerprint: string): boolean
  /** names this set of roots: another set, another name */
  readonly id: string
}

/** What is kept of the check of a chain. */
export interface KeptVerdict {
  /** how the check ended at the time when it was made */
  readonly verdict: ChainVerdict
  readonly trust: TrustedBy
  readonly complete: boolean
  readonly ordered: boolean
  /** fingerprint of the root that the path ends at, when it is trusted */
  readonly root: string | null
  /** the path: places in the chain as served, or the fingerprint of what came from the trust store */
  readonly path: readonly (number | string)[]
}

/** A certificate of a chain with what reading it gave. */
export interface Member {
  readonly id: number
  readonly der: Uint8Array
  readonly read: CertificateFields | Fault
  /** is it kept for the first time? */
  readonly isNew: boolean
}

/** A check of a chain, with the findings that follow. */
export interface JudgedVerdict {
  readonly kept: KeptVerdict
  readonly findings: readonly Finding[]
}

/** A chain that was checked at a time, milliseconds. */
export interface CheckedChain {
  readonly id: number
  readonly leaf: Member
  readonly verdict: JudgedVerdict
  readonly at: number
}

/** Fields of leaf certificates that are remembered by chain, for the names that endpoints are asked for. */
const remembered = 500

/** Applies the rules to what is kept, and keeps what they find. */
export function createJudge({ store, trust }: { readonly store: Store; readonly trust: Trust }) {
  const leaves = createCache<number, CertificateFields | Fault>(remembered)

  function leafFields(chain: number): CertificateFields[] {
    const known = leaves.get(chain)
    const row = known ? undefined : store.chains.byId(chain)
    const read = known ?? readOr(store.certificates.der(row?.leaf ?? 0))
    leaves.set(chain, read)
    return read instanceof Fault ? [] : [read]
  }

  /** the leaf certificates that a state shows */
  function leafRows({ chain, otherChain }: StateColumns): CertificateRow[] {
    return [chain, otherChain].flatMap((id) => {
      const leaf = id === null ? undefined : store.chains.byId(id)?.leaf
      return (leaf === undefined ? undefined : store.certificates.byId(leaf)) ?? []
    })
  }

  return {
    leafRows,

    /** Forgets what is remembered by id: after a transaction that failed, ids may come to mean something else. */
    forget: () => leaves.clear(),

    /** Checks a chain as it stands at a time (milliseconds). */
    verdictOf(members: readonly Member[], at: number): JudgedVerdict {
      const served = members.map((one) => one.der)
      const reportAt = (now: number) => checkChain({ served, roots: trust.roots, now })
      const report = reportAt(at)
      const fields = members.map(({ read }) => (read instanceof Fault ? null : read))
      return {
        kept: keptVerdict(report, trust),
        findings: chainFindings({ report, served: fields, reportAt })
      }
    },

    /** Keeps what the check of a chain found, about the chain and about its leaf. */
    chain({ id, leaf, verdict, at }: CheckedChain): void {
      store.findings.replace({ kind: 'chain', id }, current(verdict.findings, at))
      const before = leaf.isNew ? null : (store.certificates.byId(leaf.id)?.trust ?? null)
      const trusted = stronger(before, verdict.kept.trust)
      if (trusted !== before) store.certificates.setTrust(leaf.id, trusted)
      store.findings.replace(
        { kind: 'certificate', id: leaf.id },
        current(leafFindings(leaf, verdict, trusted), at)
      )
    },

    /** Keeps what is wrong with a state. */
    state(id: number, columns: StateColumns): void {
      const keyTypes = leafRows(columns).map((row) => row.keyType)
      store.findings.replace({ kind: 'state', id }, stateFindings({ ...columns, keyTypes }))
    },

    /** Keeps what is wrong with the certificates that an endpoint shows for its name. */
    name(endpoint: number, name: string, { chain, otherChain }: StateColumns): void {
      const shown = [chain, otherChain].flatMap((id) => (id === null ? [] : leafFields(id)))
      store.findings.replace({ kind: 'endpoint', id: endpoint }, nameFindings({ name, leaves: shown }))
    }
  }
}

function leafFindings({ read }: Member, { kept }: JudgedVerdict, trusted: TrustedBy): Finding[] {
  if (read instanceof Fault) return unreadableFindings(String(read.facts['reason'] ?? read.message))
  // embedded timestamps are proof of a public log, so that the verdict does not hang on the chain being complete
  const isPublic = trusted === 'public' || read.hasScts
  return certificateFindings({ fields: read, isPublic, isSelfSigned: kept.verdict === 'self-signed' })
}

function keptVerdict(report: ChainReport, trust: Trust): KeptVerdict {
  const { verdict, complete, ordered, root } = report
  const trustedBy = root === null ? null : trust.isPublic(root) ? 'public' : 'private'
  const path = report.path.map(({ position, fingerprint }) => position ?? fingerprint)
  return { verdict, trust: trustedBy, complete, ordered, root, path }
}

const strength: readonly TrustedBy[] = [null, 'private', 'public']

/** A certificate is as trusted as the best of the chains that it is served in. */
function stronger(one: TrustedBy, other: TrustedBy): TrustedBy {
  return strength.indexOf(one) >= strength.indexOf(other) ? one : other
}

/** What can still come true: what ended before a thing was seen first is no news. */
function current(findings: readonly Finding[], at: number): Finding[] {
  return findings.filter((one) => one.ends > at)
}

/** What reading a certificate gives: its fields, or why nothing can read it. */
export function readOr(der: Uint8Array, fingerprint = hash('sha256', der, 'hex')): CertificateFields | Fault {
  try {
    return readCertificate(der, fingerprint)
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown
    throw thrown
  }
}

/** A certificate that is kept, as a member of a chain. */
export function memberOf(store: Store, id: number): Member {
  const der = store.certificates.der(id)
  return { id, der, read: readOr(der), isNew: false }
}
