import type { ChainReport } from '../../../pki/chain.ts'
import { breaksTrust, chainFacts, type ChainFact } from '../../../pki/chain-facts.ts'
import type { CertificateFields } from '../../../pki/fields.ts'
import { isBroken, keyWeakness, signatureWeakness } from './certificate.ts'
import { applyRules, date, finding, named, type Finding, type Rule } from './finding.ts'

/** A chain that is judged: what the check said of it, and its certificates as served. */
export interface JudgedChain {
  readonly report: ChainReport
  /** null where nothing can read it */
  readonly served: readonly (CertificateFields | null)[]
  /** what the check says at another time, milliseconds */
  reportAt(time: number): ChainReport
}

type OfKind<F, K> = F extends { readonly kind: infer T } ? (K extends T ? F : never) : never

function factOf<K extends ChainFact['kind']>({ facts }: ChainReport, kind: K) {
  return facts.find((fact) => fact.kind === kind) as OfKind<ChainFact, K> | undefined
}

/** The intermediates that the server sent and the path needs. */
function intermediates({ report, served }: JudgedChain): CertificateFields[] {
  const { path, complete } = report
  return path
    .slice(1, complete ? -1 : path.length)
    .flatMap(({ position }) => (position === null ? [] : (served[position] ?? [])))
}

/**
 * An issuer is missing. Servers leave out the root, so that an intermediate without a known issuer most likely
 * ends at a root nobody knows ({@link untrustedRoot}); a leaf without one lacks its intermediate.
 */
const incomplete: Rule<JudgedChain> = ({ report }) => {
  const fact = factOf(report, 'incomplete')
  if (fact?.role !== 'leaf') return []
  const reason = `Its issuer is ${named(fact.issuer)}: the server does not send that certificate, and it is no root known here.`
  return [finding('chain-incomplete', { reason, facts: { issuer: fact.issuer } })]
}

const untrustedRoot: Rule<JudgedChain> = ({ report }) => {
  const root = factOf(report, 'untrusted-root')
  if (root) {
    const reason = `The chain ends at ${named(root.subject)}, which is not trusted.`
    return [finding('untrusted-root', { reason, facts: { root: root.subject } })]
  }
  const gap = factOf(report, 'incomplete')
  if (!gap || gap.role === 'leaf') return []
  const reason = `The chain ends at ${named(gap.subject)}; its issuer, ${named(gap.issuer)}, is not known.`
  return [finding('untrusted-root', { reason, facts: { root: gap.issuer } })]
}

const wrongOrder: Rule<JudgedChain> = ({ report }) => {
  if (report.ordered) return []
  const positions = report.path.flatMap(({ position }) => (position === null ? [] : [String(position + 1)]))
  const reason = `Of the certificates sent, the order of issuing is ${positions.join(', ')}.`
  return [finding('chain-wrong-order', { reason, facts: { order: positions } })]
}

/** Facts that have findings of their own; the rest that breaks trust is one finding. */
const toldElsewhere: ReadonlySet<ChainFact['kind']> = new Set<ChainFact['kind']>([
  'incomplete',
  'untrusted-root',
  'self-signed',
  'expired',
  'not-yet-valid'
])

const broken: Rule<JudgedChain> = ({ report }) => {
  const facts = report.facts.filter((fact) => breaksTrust(fact) && !toldElsewhere.has(fact.kind))
  if (facts.length === 0) return []
  const sentences = facts.map((fact) => {
    const who = 'subject' in fact ? ` (${named(fact.subject)})` : ''
    return `${chainFacts[fact.kind].says}${who}`
  })
  const text = sentences.join('; ')
  const reason = `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
  return [finding('chain-broken', { reason, facts: { kinds: facts.map((fact) => fact.kind) } })]
}

/**
 * From the day on which the first intermediate expires. Where more was sent than the path needs, there may be
 * another way by then: the check is asked about that day.
 */
const expiredIntermediate: Rule<JudgedChain> = (chain) => {
  const [first] = intermediates(chain).sort((one, other) => one.notAfter - other.notAfter)
  if (!first) return []
  const { report } = chain
  const then = factOf(report, 'unneeded') ? chain.reportAt(first.notAfter + 1) : report
  if (!then.path.some(({ fingerprint }) => fingerprint === first.fingerprint)) return []
  const { subject, notAfter } = first
  const reason = `The intermediate ${named(subject)} expired on ${date(notAfter)}.`
  const facts = { certificate: first.fingerprint, notAfter }
  return [finding('expired-intermediate', { reason, facts, begins: notAfter })]
}

const earlyIntermediate: Rule<JudgedChain> = ({ report }) => {
  const fact = factOf(report, 'not-yet-valid')
  if (!fact) return []
  const reason = `The ${fact.role} ${named(fact.subject)} is valid from ${date(fact.at)} only.`
  const facts = { certificate: fact.fingerprint, notBefore: fact.at }
  return [finding('not-yet-valid', { reason, facts, ends: fact.at })]
}

const weakIntermediate: Rule<JudgedChain> = (chain) => {
  const weak = intermediates(chain).filter((fields) => keyWeakness(fields) !== undefined)
  if (weak.length === 0) return []
  const what = weak.map((fields) => `${named(fields.subject)} has ${keyWeakness(fields)}`)
  const facts = { certificates: weak.map((fields) => fields.fingerprint) }
  const severity = weak.some(isBroken) ? 'critical' : 'warning'
  return [finding('weak-key', { severity, reason: `The intermediate ${what.join('; ')}.`, facts })]
}

const weakSignature: Rule<JudgedChain> = (chain) =>
  (['sha1-signature', 'md5-signature'] as const).flatMap((code) => {
    const weak = intermediates(chain).filter((fields) => signatureWeakness(fields) === code)
    if (weak.length === 0) return []
    const what = weak.map((fields) => `${named(fields.subject)} is signed by ${fields.signatureAlgorithm}`)
    const facts = { certificates: weak.map((fields) => fields.fingerprint) }
    return [finding(code, { reason: `The intermediate ${what.join('; ')}.`, facts })]
  })

const chainRules = [
  incomplete,
  untrustedRoot,
  wrongOrder,
  broken,
  expiredIntermediate,
  earlyIntermediate,
  weakIntermediate,
  weakSignature
] as const satisfies readonly Rule<JudgedChain>[]

/** What is wrong or due about a chain as served; what concerns its leaf alone is said of the certificate. */
export function chainFindings(chain: JudgedChain): Finding[] {
  return applyRules(chainRules, chain)
}
