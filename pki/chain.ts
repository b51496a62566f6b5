import { Fault } from '../core/fault.ts'
import type { ChainCertificate } from './chain-certificate.ts'
import { breaksTrust, type ChainFact } from './chain-facts.ts'
import { nameMatch } from './host-names.ts'
import { checkPath, roleOf, subjectOf } from './path-checks.ts'
import { findPaths, type Path } from './paths.ts'
import type { TrustStore } from './trust-store.ts'

/** Where the best path of a chain leads. */
export type ChainVerdict =
  /** to a trusted root, and nothing on the way breaks the rules */
  | 'trusted'
  /** to a trusted root, but a fact on the way breaks trust: an expired intermediate, a CA that is none … */
  | 'broken'
  /** to a served root that is not trusted */
  | 'untrusted-root'
  /** nowhere: the leaf is signed by its own key and is not trusted itself */
  | 'self-signed'
  /** nowhere: an issuer is neither served nor trusted */
  | 'incomplete'
  /** there is no leaf that can be read */
  | 'unreadable'

/** One certificate of a path. */
export interface PathStep {
  readonly fingerprint: string
  readonly subject: string
  /** place in the chain as served, from 0; null when it comes from the trust store alone */
  readonly position: number | null
}

/** What can be said of a served chain. */
export interface ChainReport {
  readonly verdict: ChainVerdict
  /** the path ends at a root, trusted or not */
  readonly complete: boolean
  /** the served certificates of the path come in the order of issuing; others between them do not matter */
  readonly ordered: boolean
  /** the best path, leaf first */
  readonly path: readonly PathStep[]
  /** fingerprint of the trusted root that the path ends at, or null */
  readonly root: string | null
  readonly facts: readonly ChainFact[]
}

/** A chain and what it is held against. */
export interface ChainQuestion {
  /** certificates (DER) as served; the first is the leaf, whatever else it may be */
  readonly served: readonly Uint8Array[]
  readonly roots: TrustStore
  /** milliseconds since the epoch */
  readonly now: number
  /** server name that was asked for, or IP address */
  readonly name?: string | null
}

/** Certificates of a chain that are looked at. */
const maxServed = 32

/**
 * Checks a served chain as clients do: looks for a path from the leaf to a trusted root through what was served
 * (several where CAs are cross-signed; the one with the fewest breaking facts counts), checks its signatures and
 * rules, and says what is odd about the rest. Fetches nothing, and never throws for what a server sends.
 */
export function checkChain({ served, roots, now, name }: ChainQuestion): ChainReport {
  const { certificates, facts } = readServed(served, roots)
  const leaf = certificates[0]
  if (!leaf) return { verdict: 'unreadable', complete: false, ordered: true, path: [], root: null, facts }
  const sent = certificates.slice(1).flatMap((certificate) => certificate ?? [])
  const best = bestPath(findPaths({ leaf, sent, roots }), now)
  const place = placesOf(certificates)
  const path = best.path.members.map((member) => ({ ...subjectOf(member), position: place(member) }))
  const positions = path.flatMap(({ position }) => position ?? [])
  const ordered = positions.every((position, at) => at === 0 || position > (positions[at - 1] ?? 0))
  facts.push(...endFacts(best.path), ...best.facts)
  if (!ordered) facts.push({ kind: 'wrong-order', expected: orderOf(path) })
  facts.push(...extraFacts(certificates, best.path))
  if (name) facts.push(...nameFacts(leaf, name))
  const isTrusted = best.path.end === 'trusted'
  return {
    verdict: verdictOf(best.path, facts),
    complete: best.path.end !== 'missing',
    ordered,
    path,
    root: isTrusted ? (path.at(-1)?.fingerprint ?? null) : null,
    facts
  }
}

/** what can be read of the served certificates, each at its place, and facts of the rest */
function readServed(
  served: readonly Uint8Array[],
  roots: TrustStore
): { certificates: (ChainCertificate | undefined)[]; facts: ChainFact[] } {
  const facts: ChainFact[] = []
  if (served.length > maxServed) facts.push({ kind: 'too-many', count: served.length, limit: maxServed })
  const certificates = served.slice(0, maxServed).map((der, position) => {
    try {
      return roots.member(der)
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      facts.push({ kind: 'unreadable', position, reason: thrown.message })
      return undefined
    }
  })
  return { certificates, facts }
}

interface JudgedPath {
  readonly path: Path
  readonly facts: readonly ChainFact[]
}

/** the path that ends best, then the one with the fewest breaking facts, then the shortest (or the one that got farthest) */
function bestPath(paths: Iterable<Path>, now: number): JudgedPath {
  let best: (JudgedPath & { rank: number }) | undefined
  let isCut = false
  for (const path of paths) {
    const facts = checkPath(path, now)
    const rank = rankOf(path, facts)
    if (!best || rank < best.rank) best = { path, facts, rank }
    isCut ||= path.isCut
    if (path.end === 'trusted' && !facts.some(breaksTrust)) break
  }
  if (!best) throw new Fault('internal', 'Tlsward made a mistake: the search for a path gave none')
  return isCut ? { path: best.path, facts: [...best.facts, { kind: 'search-cut' }] } : best
}

const endRanks = { trusted: 0, 'self-signed': 1, missing: 2 } as const

function rankOf({ end, members }: Path, facts: readonly ChainFact[]): number {
  const length = end === 'missing' ? -members.length : members.length
  return endRanks[end] * 1e6 + facts.filter(breaksTrust).length * 1e3 + length
}

function verdictOf({ end, members }: Path, facts: readonly ChainFact[]): ChainVerdict {
  if (end === 'missing') return 'incomplete'
  if (end === 'self-signed') return members.length === 1 ? 'self-signed' : 'untrusted-root'
  return facts.some(breaksTrust) ? 'broken' : 'trusted'
}

/** why a path does not end at a trusted root */
function endFacts(path: Path): ChainFact[] {
  const { members, end, refuted } = path
  const last = members.at(-1)
  if (end === 'trusted' || !last) return []
  if (end === 'self-signed') {
    return [{ kind: members.length === 1 ? 'self-signed' : 'untrusted-root', ...subjectOf(last) }]
  }
  const { issuer, authorityKeyId, issuerUrls } = last.fields
  const role = roleOf(path, members.length - 1)
  const wrong = refuted.map((one): ChainFact => {
    return { kind: 'bad-signature', ...subjectOf(last), issuerFingerprint: one.fields.fingerprint }
  })
  return [{ kind: 'incomplete', ...subjectOf(last), role, issuer, authorityKeyId, issuerUrls }, ...wrong]
}

type Served = readonly (ChainCertificate | undefined)[]

function placesOf(certificates: Served): (certificate: ChainCertificate) => number | null {
  return ({ fields: { fingerprint } }) => {
    const position = certificates.findIndex((one) => one?.fields.fingerprint === fingerprint)
    return position === -1 ? null : position
  }
}

function orderOf(path: readonly PathStep[]): string[] {
  return path.filter(({ position }) => position !== null).map(({ fingerprint }) => fingerprint)
}

/** what is served beyond what the path needs */
function extraFacts(certificates: Served, { members, end }: Path): ChainFact[] {
  const onPath = new Set(members.map(({ fields }) => fields.fingerprint))
  const root = end === 'missing' || members.length === 1 ? undefined : members.at(-1)
  const wanted = wantedNames(certificates)
  const seen = new Set<string>()
  return certificates.flatMap((certificate, position): ChainFact[] => {
    if (!certificate) return []
    const about = { ...subjectOf(certificate), position }
    const isRepeated = seen.has(about.fingerprint)
    seen.add(about.fingerprint)
    if (isRepeated) return [{ kind: 'repeated', ...about }]
    if (onPath.has(about.fingerprint)) {
      return certificate.isSelfIssued && certificate.subjectKey === root?.subjectKey
        ? [{ kind: 'root-sent', ...about }]
        : []
    }
    if (!wanted.has(certificate.subjectKey)) return [{ kind: 'unrelated', ...about }]
    return [{ kind: certificate.isSelfIssued ? 'root-sent' : 'unneeded', ...about }]
  })
}

/** names of issuers that lead up from the leaf, through whatever was served */
function wantedNames(certificates: Served): Set<string> {
  const wanted = new Set<string>()
  const left = new Set(certificates)
  const climb = (certificate: ChainCertificate) => {
    left.delete(certificate)
    wanted.add(certificate.issuerKey)
  }
  if (certificates[0]) climb(certificates[0])
  for (let found = true; found;) {
    const next = [...left].filter((one) => one !== undefined && wanted.has(one.subjectKey))
    for (const one of next) if (one) climb(one)
    found = next.length > 0
  }
  return wanted
}

function nameFacts({ fields }: ChainCertificate, name: string): ChainFact[] {
  const match = nameMatch(fields, name)
  if (match !== 'none' && match !== 'common-name-only') return []
  return [{ kind: 'name-mismatch', name, commonNameOnly: match === 'common-name-only' }]
}
