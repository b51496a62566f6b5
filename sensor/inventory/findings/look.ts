import type { WeaknessCode } from '../../scan/deep/weaknesses.ts'
import type { Severity } from '../../store/findings.ts'
import type { FindingCode } from './codes.ts'
import { date, finding, named, type Finding } from './finding.ts'

/** A weakness that a deeper look told. */
export interface SeenWeakness {
  readonly code: WeaknessCode
  readonly severity: Severity
  /** a sentence */
  readonly reason: string
}

/** The finding that each weakness belongs to: what has to be changed for it on the server. */
const findingOf: Readonly<Record<WeaknessCode, FindingCode>> = {
  drown: 'weak-protocol',
  poodle: 'weak-protocol',
  'old-tls': 'weak-protocol',
  beast: 'weak-protocol',
  anonymous: 'weak-suite',
  unencrypted: 'weak-suite',
  freak: 'weak-suite',
  rc4: 'weak-suite',
  'single-des': 'weak-suite',
  sweet32: 'weak-suite',
  logjam: 'weak-key-exchange',
  'no-forward-secrecy': 'weak-key-exchange',
  crime: 'weak-tls-setting',
  'insecure-renegotiation': 'weak-tls-setting',
  'no-fallback-protection': 'weak-tls-setting'
}

const severities: readonly Severity[] = ['critical', 'warning', 'note']

/** What a deeper look at an endpoint found wrong: a finding for what is to be changed, as bad as the worst of it. */
export function lookFindings(at: number, weaknesses: readonly SeenWeakness[]): Finding[] {
  return [...Map.groupBy(weaknesses, ({ code }) => findingOf[code])].map(([code, of]) => {
    const severity = severities.find((one) => of.some((weakness) => weakness.severity === one)) ?? 'note'
    const reason = `${of.map((one) => sentence(one.reason)).join(' ')} Seen on ${date(at)}.`
    return finding(code, { severity, reason, facts: { weaknesses: of.map((one) => one.code) } })
  })
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** What was told of the revocation of a certificate; `at`: milliseconds. */
export interface ToldRevoked {
  readonly at: number
  readonly reason: string
  readonly by: string
}

/** A certificate that its issuer revoked. */
export function revokedFinding({ at, reason, by }: ToldRevoked): Finding {
  const words = `Its issuer revoked it on ${date(at)} (${named(reason)}), says its ${by.toUpperCase()}.`
  return finding('revoked', { reason: words, facts: { by, why: reason }, begins: at })
}
