import { Fault } from '../core/fault.ts'
import { type ChainFact, chainFacts } from './chain-facts.ts'
import { checkChain } from './chain.ts'
import type { CertificateFields } from './fields.ts'
import { coversName } from './host-names.ts'
import type { IssuedFlaw, IssuedReason } from './issued-reasons.ts'
import { readCertificate } from './quick.ts'
import { hashBits, isWeakerKey, keyStrength } from './strength.ts'
import { openTrustStore, type TrustStore } from './trust-store.ts'

/** A certificate that an issuer has given, and what was asked of it. */
export interface IssuedQuestion {
  /** DER, leaf first, as the issuer gave it or as it will be served */
  readonly chain: readonly Uint8Array[]
  /** SHA-256 of the SubjectPublicKeyInfo of the key that it is for, lower-case hex */
  readonly spki: string
  /** names asked for, in canonical form (subject-names.ts) */
  readonly names: readonly string[]
  /** milliseconds since the epoch */
  readonly now: number
  readonly replaced?: Replaced | null
  /** default: any root will do, as clients of the endpoint may have others than we */
  readonly roots?: TrustStore | null
  /**
   * roots that are known here: one of them may have signed the leaf itself, and is not served then. Asked for only where
   * the chain lacks the issuer of the leaf
   */
  readonly known?: (() => TrustStore) | null
}

/** The certificate that an issued one will stand in for. */
export interface Replaced {
  readonly der: Uint8Array
  /** names under which it is served, which clients ask for */
  readonly served: readonly string[]
  /** names among those that may be lost */
  readonly mayLose?: readonly string[]
}

const dayMs = 86_400_000

/** What is wrong with an issued certificate and its chain; nothing when it may be used. Never throws for its bytes. */
export function checkIssued(question: IssuedQuestion): IssuedFlaw[] {
  const { chain, names, now } = question
  if (chain.length === 0) return [flaw('nothing')]
  const at = leafPlace(question)
  const leaf = fieldsOf(chain[Math.max(at, 0)])
  if (!leaf) return [flaw('unreadable', 'the leaf')]
  return [
    ...(at === -1 ? [flaw('key-mismatch')] : []),
    ...(at > 0 ? [flaw('wrong-order', `the leaf is number ${at + 1}`)] : []),
    ...names.filter((name) => !coversAsked(leaf, name)).map((name) => flaw('name-not-covered', name)),
    ...validityFlaws(leaf, now),
    ...purposeFlaws(leaf),
    ...chainFlaws(question, at),
    ...strengthFlaws(leaf, chain),
    ...replacedFlaws(leaf, question)
  ]
}

/** where the certificate of the key stands, −1 when nowhere */
function leafPlace({ chain, spki }: IssuedQuestion): number {
  return chain.findIndex((der) => fieldsOf(der)?.spki === spki)
}

function fieldsOf(der: Uint8Array | undefined): CertificateFields | undefined {
  try {
    return der && readCertificate(der)
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined
    throw thrown
  }
}

function flaw(reason: IssuedReason, detail = ''): IssuedFlaw {
  return { reason, detail }
}

/** a wildcard that was asked for must stand there itself; a host may be covered by one */
function coversAsked(leaf: CertificateFields, name: string): boolean {
  if (!name.startsWith('*.')) return coversName(leaf, name)
  return leaf.dnsNames.some((one) => one.toLowerCase() === name)
}

function validityFlaws({ notBefore, notAfter }: CertificateFields, now: number): IssuedFlaw[] {
  if (now < notBefore) return [flaw('not-yet-valid', dateOf(notBefore))]
  return now > notAfter ? [flaw('expired', dateOf(notAfter))] : []
}

function dateOf(time: number): string {
  return new Date(time).toISOString()
}

function purposeFlaws({
  isCa,
  extendedKeyUsage,
  keyUsage,
  brokenExtensions
}: CertificateFields): IssuedFlaw[] {
  const flaws = (brokenExtensions ?? []).map((name) => flaw('broken-extension', name))
  if (isCa) flaws.push(flaw('leaf-is-ca'))
  if (extendedKeyUsage === null) flaws.push(flaw('no-purpose'))
  else if (!extendedKeyUsage.some((use) => use === 'serverAuth' || use === 'anyExtendedKeyUsage')) {
    flaws.push(flaw('no-server-auth', extendedKeyUsage.join(', ')))
  }
  if (keyUsage && !keyUsage.includes('digitalSignature'))
    flaws.push(flaw('may-not-sign', keyUsage.join(', ')))
  return flaws
}

/** what the check of served chains says of it, in the words of issuing */
function chainFlaws({ chain, roots, known, now }: IssuedQuestion, at: number): IssuedFlaw[] {
  const served = at > 0 ? [...chain.slice(at, at + 1), ...chain.slice(0, at), ...chain.slice(at + 1)] : chain
  const factsBy = (trusted: TrustStore) => checkChain({ served, now, roots: trusted }).facts
  const alone = factsBy(roots ?? openTrustStore([]))
  const facts = !roots && known && alone.some(lacksIssuer) ? factsBy(known()) : alone
  return facts.flatMap((fact) => (at > 0 && fact.kind === 'wrong-order' ? [] : flawOf(fact, roots ?? null)))
}

function lacksIssuer(fact: ChainFact): boolean {
  return fact.kind === 'incomplete' && fact.role === 'leaf'
}

function flawOf(fact: ChainFact, roots: TrustStore | null): IssuedFlaw[] {
  switch (fact.kind) {
    case 'unreadable':
      return [flaw('unreadable', `number ${fact.position + 1}`)]
    case 'too-many':
      return [flaw('too-many', `${fact.count}, and ${fact.limit} are`)]
    case 'incomplete':
      if (fact.role === 'leaf') return [flaw('issuer-missing', fact.issuer)]
      return roots ? [flaw('untrusted', fact.issuer)] : []
    case 'untrusted-root':
      return roots ? [flaw('untrusted', fact.subject)] : []
    case 'bad-signature':
    case 'self-signed':
    case 'repeated':
      return [flaw(fact.kind, fact.subject)]
    case 'unrelated':
      return [flaw('stranger', fact.subject)]
    case 'wrong-order':
      return [flaw('wrong-order')]
    case 'expired':
    case 'not-yet-valid':
      return [flaw(`issuer-${fact.kind}`, `${fact.subject}, ${dateOf(fact.at)}`)]
    case 'not-a-ca':
    case 'may-not-sign':
    case 'path-too-long':
    case 'key-id-mismatch':
      return [flaw('issuer-unfit', `${fact.subject}: ${chainFacts[fact.kind].says}`)]
    case 'name-not-permitted':
      return [flaw('name-not-permitted', `${fact.subject}: ${fact.names.join(', ')}`)]
    default:
      // a CA may send its root, and other ways to it; the rest is no flaw
      return []
  }
}

function strengthFlaws(leaf: CertificateFields, chain: readonly Uint8Array[]): IssuedFlaw[] {
  const { keyType, keyBits } = leaf
  const weak = keyStrength(leaf) < keyStrength({ keyType: 'RSA', keyBits: 2048 })
  const members = chain.flatMap((der) => fieldsOf(der) ?? [])
  return [
    ...(weak ? [flaw('weak-key', `${keyType} ${keyBits}`)] : []),
    ...members
      // nobody checks the signature of a root
      .filter(({ selfIssued, signatureAlgorithm }) => !selfIssued && hashBits(signatureAlgorithm) < 256)
      .map(({ subject, signatureAlgorithm }) => flaw('weak-hash', `${subject}: ${signatureAlgorithm}`))
  ]
}

function replacedFlaws(leaf: CertificateFields, { replaced, now }: IssuedQuestion): IssuedFlaw[] {
  const old = fieldsOf(replaced?.der)
  if (!replaced || !old) return []
  if (old.fingerprint === leaf.fingerprint) return [flaw('same-certificate')]
  const flaws: IssuedFlaw[] = []
  if (isWeakerKey(leaf, old)) flaws.push(flaw('weaker-key', `${nameOfKey(leaf)} for ${nameOfKey(old)}`))
  if (hashBits(leaf.signatureAlgorithm) < hashBits(old.signatureAlgorithm)) {
    flaws.push(flaw('weaker-hash', `${leaf.signatureAlgorithm} for ${old.signatureAlgorithm}`))
  }
  // certificates of hours are replaced by their like
  const isShort = leaf.notAfter - now < dayMs && old.notAfter - old.notBefore >= dayMs
  if (isShort && now <= leaf.notAfter) flaws.push(flaw('short-life', dateOf(leaf.notAfter)))
  if (leaf.notAfter < old.notAfter)
    flaws.push(flaw('ends-earlier', `${dateOf(leaf.notAfter)}, ${dateOf(old.notAfter)}`))
  const { served, mayLose = [] } = replaced
  const lost = served.filter(
    (name) => coversAsked(old, name) && !coversAsked(leaf, name) && !mayLose.includes(name)
  )
  return [...flaws, ...lost.map((name) => flaw('loses-name', name))]
}

function nameOfKey({ keyType, keyBits, curve }: CertificateFields): string {
  return `${keyType} ${curve ?? keyBits}`
}
