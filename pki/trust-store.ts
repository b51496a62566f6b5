import { hash } from 'node:crypto'
import { Fault } from '../core/fault.ts'
import { ChainCertificate } from './chain-certificate.ts'

/** A certificate of the input of a trust store that could not be read. */
export interface UnreadableRoot {
  /** its place in the input, from 0 */
  readonly position: number
  readonly reason: string
}

/** The certificates that chains may end at: those of the system and the own CAs. */
export interface TrustStore {
  readonly size: number
  /** certificates of the input that were left out because they cannot be read */
  readonly unreadable: readonly UnreadableRoot[]
  /** Is the certificate of this SHA-256 fingerprint (lower-case hex) one of them? */
  has(fingerprint: string): boolean
  /** Those with the name of the certificate's issuer, the one with the key identifier that it names first. */
  issuersOf(certificate: ChainCertificate): readonly ChainCertificate[]
  /** A CA certificate that a server sent, from memory where it was met before (its signatures stay checked). */
  member(der: Uint8Array): ChainCertificate
}

/**
 * Opens a trust store on root certificates (DER). Names and key identifiers are read at once, some 7 µs each; what
 * checking a signature needs is made when a chain first leads there. Duplicates count once.
 */
export function openTrustStore(ders: Iterable<Uint8Array>): TrustStore {
  const bySubject = new Map<string, ChainCertificate[]>()
  const fingerprints = new Set<string>()
  const unreadable: UnreadableRoot[] = []
  let position = 0
  for (const der of ders) {
    const fingerprint = hash('sha256', der, 'hex')
    const root = fingerprints.has(fingerprint) ? undefined : readRoot(der)
    if (root instanceof Fault) unreadable.push({ position, reason: root.message })
    else if (root) {
      fingerprints.add(fingerprint)
      bySubject.set(root.subjectKey, [...(bySubject.get(root.subjectKey) ?? []), root])
    }
    position++
  }
  return {
    size: fingerprints.size,
    unreadable,
    has: (fingerprint) => fingerprints.has(fingerprint),
    issuersOf: (certificate) => likelyFirst(certificate, bySubject.get(certificate.issuerKey) ?? []),
    member: rememberMembers()
  }
}

/** CA certificates that are remembered at most, and the largest */
const maxRemembered = 1000
const maxRememberedBytes = 8192

/** The few intermediates that a network serves come back with every leaf: their signatures are checked once. */
function rememberMembers(): (der: Uint8Array) => ChainCertificate {
  const known = new Map<string, ChainCertificate>()
  return (der) => {
    if (der.length > maxRememberedBytes) return new ChainCertificate(der)
    const fingerprint = hash('sha256', der, 'hex')
    const met = known.get(fingerprint)
    if (met) return met
    // a copy, for the DER is mostly a piece of a larger buffer, which must not stay with it
    const certificate = new ChainCertificate(Uint8Array.from(der))
    if (!certificate.fields.isCa) return certificate
    if (known.size === maxRemembered) known.clear()
    known.set(fingerprint, certificate)
    return certificate
  }
}

function readRoot(der: Uint8Array): ChainCertificate | Fault {
  try {
    return new ChainCertificate(der)
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown
    throw thrown
  }
}

/** Candidates in the order in which they probably issued the certificate: by key identifier. */
export function likelyFirst(
  { fields: { authorityKeyId } }: ChainCertificate,
  candidates: readonly ChainCertificate[]
): readonly ChainCertificate[] {
  if (candidates.length < 2 || authorityKeyId === null) return candidates
  const rank = ({ fields: { subjectKeyId } }: ChainCertificate) =>
    subjectKeyId === authorityKeyId ? 0 : subjectKeyId === null ? 1 : 2
  return candidates.toSorted((one, other) => rank(one) - rank(other))
}
