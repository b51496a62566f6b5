import type { ChainCertificate } from './chain-certificate.ts'
import type { ChainFact, ChainRole, ChainSubject } from './chain-facts.ts'
import { namesOutside } from './name-constraints.ts'
import type { Path } from './paths.ts'

/** How a fact names its certificate. */
export function subjectOf({ fields: { fingerprint, subject } }: ChainCertificate): ChainSubject {
  return { fingerprint, subject }
}

/**
 * What is wrong with the issuers of a path at a time (milliseconds since the epoch), by RFC 5280 §6.1. The leaf's
 * own validity is not judged here: its fields say it. Trusted roots are held to the same rules, except that one of
 * version 1, which has no extensions to say so, counts as a CA.
 */
export function checkPath(path: Path, now: number): ChainFact[] {
  const facts: ChainFact[] = []
  const leaf = path.members[0]
  for (const [at, issuer] of path.members.entries()) {
    const issued = path.members[at - 1]
    if (!leaf || !issued) continue
    const role = roleOf(path, at)
    facts.push(
      ...checkValidity(issuer, role, now),
      ...checkAuthority(issuer, role),
      ...checkLength(path, at),
      ...checkKeyId(issued, issuer),
      ...checkNames(leaf, issuer)
    )
  }
  return facts
}

/** The role of the member at a place of the path. */
export function roleOf({ members, end }: Path, at: number): ChainRole {
  if (at === 0) return 'leaf'
  return at === members.length - 1 && end !== 'missing' ? 'root' : 'intermediate'
}

function checkValidity(issuer: ChainCertificate, role: ChainRole, now: number): ChainFact[] {
  const { notBefore, notAfter } = issuer.fields
  if (now > notAfter) return [{ kind: 'expired', ...subjectOf(issuer), role, at: notAfter }]
  return now < notBefore ? [{ kind: 'not-yet-valid', ...subjectOf(issuer), role, at: notBefore }] : []
}

function checkAuthority(issuer: ChainCertificate, role: ChainRole): ChainFact[] {
  const { isCa, keyUsage } = issuer.fields
  const facts: ChainFact[] = []
  if (!isCa && !(role === 'root' && issuer.version < 3))
    facts.push({ kind: 'not-a-ca', ...subjectOf(issuer) })
  if (keyUsage && !keyUsage.includes('keyCertSign'))
    facts.push({ kind: 'may-not-sign', ...subjectOf(issuer) })
  return facts
}

/** intermediates between the leaf and the CA count, except self-issued ones (RFC 5280 §4.2.1.9) */
function checkLength({ members }: Path, at: number): ChainFact[] {
  const issuer = members[at]
  const allowed = issuer?.fields.pathLength ?? null
  if (!issuer || allowed === null || !issuer.fields.isCa) return []
  const found = members.slice(1, at).filter(({ isSelfIssued }) => !isSelfIssued).length
  return found > allowed ? [{ kind: 'path-too-long', ...subjectOf(issuer), allowed, found }] : []
}

function checkKeyId(issued: ChainCertificate, issuer: ChainCertificate): ChainFact[] {
  if (issued.namesAsIssuer(issuer)) return []
  return [{ kind: 'key-id-mismatch', ...subjectOf(issued), issuerFingerprint: issuer.fields.fingerprint }]
}

function checkNames(leaf: ChainCertificate, issuer: ChainCertificate): ChainFact[] {
  const { constraints } = issuer
  if (!constraints) return []
  const names = namesOutside(constraints, leaf.fields)
  const checked = !constraints.hasOthers && names !== null
  const noted: ChainFact = { kind: 'name-constrained', ...subjectOf(issuer), checked }
  // clients refuse what they cannot check
  if (names === null) return [noted, { kind: 'name-not-permitted', ...subjectOf(issuer), names: [] }]
  return names.length === 0 ? [noted] : [noted, { kind: 'name-not-permitted', ...subjectOf(issuer), names }]
}
