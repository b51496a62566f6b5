import { firstOf } from '../../../core/text.ts'
import { suiteName, versionName } from '../probe/suites.ts'
import type { DeepReport, VersionReport } from './report.ts'
import {
  agreesByDhe,
  hasForwardSecrecy,
  hasSmallBlocks,
  isAnonymous,
  isCbc,
  isExport,
  isRc4,
  isRsaExport,
  isSingleDes,
  isUnencrypted
} from './suite-traits.ts'

/** How bad a weakness is: act now, plan to act, good to know. */
export type WeaknessSeverity = 'critical' | 'warning' | 'note'

/** Every weakness that a deep probe can tell, with what to do about it. None was tried out on the server. */
export const weaknessCodes = {
  drown: ['critical', 'Turn SSL 2.0 off on every server that has this key.'],
  poodle: ['critical', 'Turn SSL 3.0 off.'],
  'old-tls': ['warning', 'Turn TLS 1.0 and TLS 1.1 off once the last clients speak TLS 1.2.'],
  anonymous: ['critical', 'Take the anonymous suites (aNULL) out of the list.'],
  unencrypted: ['critical', 'Take the NULL suites (eNULL) out of the list.'],
  freak: ['critical', 'Take the RSA export suites out of the list.'],
  logjam: [
    'critical',
    'Take the DHE export suites out of the list, and use primes of 2048 bits or ECDHE only.'
  ],
  rc4: ['warning', 'Take the RC4 suites out of the list.'],
  'single-des': ['critical', 'Take the DES suites out of the list.'],
  sweet32: ['warning', 'Take the suites with blocks of 64 bits (3DES, IDEA, DES, RC2) out of the list.'],
  beast: ['note', 'Turn TLS 1.0 and SSL 3.0 off.'],
  crime: ['warning', 'Turn TLS compression off.'],
  'no-forward-secrecy': ['warning', 'Offer ECDHE suites, before all others.'],
  'insecure-renegotiation': ['warning', 'Update the TLS library: it does not know RFC 5746.'],
  'no-fallback-protection': ['note', 'Update the TLS library (RFC 7507), or turn the older versions off.']
} as const satisfies Record<string, readonly [WeaknessSeverity, string]>

/** A code of {@link weaknessCodes}. */
export type WeaknessCode = keyof typeof weaknessCodes

/** One weakness of an endpoint. */
export interface Weakness {
  readonly code: WeaknessCode
  readonly severity: WeaknessSeverity
  /** what was seen, a sentence */
  readonly reason: string
  /** what to do, a sentence */
  readonly remedy: string
}

const ranks: Readonly<Record<WeaknessSeverity, number>> = { critical: 0, warning: 1, note: 2 }

/** The weaknesses that a report shows, the worst first, then in the order of {@link weaknessCodes}. Pure. */
export function weaknessesOf(report: DeepReport): readonly Weakness[] {
  const found: Weakness[] = []
  for (const [code, rule] of Object.entries(rules) as [WeaknessCode, Rule][]) {
    const reason = rule(report)
    const [severity, remedy] = weaknessCodes[code]
    if (reason !== null) found.push({ code, severity, reason, remedy })
  }
  return found.toSorted((one, other) => ranks[one.severity] - ranks[other.severity])
}

/** the reason, or null where the weakness is not there */
type Rule = (report: DeepReport) => string | null

const rules: Readonly<Record<WeaknessCode, Rule>> = {
  drown: (report) =>
    accepts(report, 0x0002)
      ? 'SSL 2.0 is accepted: sessions of TLS with the same RSA key can be read (DROWN).'
      : null,
  poodle: (report) =>
    accepts(report, 0x0300) ? 'SSL 3.0 is accepted: its padding gives plaintext away (POODLE).' : null,
  'old-tls': (report) => {
    const old = [0x0302, 0x0301].filter((version) => accepts(report, version)).map(versionName)
    return old.length === 0
      ? null
      : `${old.join(' and ')} ${old.length > 1 ? 'are' : 'is'} accepted (RFC 8996 forbids it).`
  },
  anonymous: bySuites(isAnonymous, 'suites that prove no identity are accepted'),
  unencrypted: bySuites(isUnencrypted, 'suites that encrypt nothing are accepted'),
  freak: bySuites(isRsaExport, 'RSA export suites are accepted (FREAK)'),
  logjam: (report) => {
    const { bits, exportBits } = report.diffieHellman
    if (bits !== null && bits <= 1024) return `DHE uses a prime of ${bits} bits (Logjam).`
    const size = exportBits === null ? '' : `, with a prime of ${exportBits} bits`
    return bySuites(isDhExport, `export suites of Diffie-Hellman are accepted${size} (Logjam)`)(report)
  },
  rc4: bySuites((id) => isRc4(id) && !isExport(id), 'RC4 is accepted, whose output is biased (RFC 7465)'),
  'single-des': bySuites(isSingleDes, 'DES with 56 bits is accepted'),
  sweet32: bySuites(
    (id) => hasSmallBlocks(id) && !isExport(id),
    'ciphers with blocks of 64 bits are accepted (SWEET32)'
  ),
  beast: (report) => {
    const old = report.versions.filter(({ version, suites }) => isChained(version) && suites.some(isCbc))
    return old.length === 0 ? null : `CBC suites are accepted in ${names(old)} (BEAST).`
  },
  crime: ({ compression }) => (compression ? 'TLS compression is accepted (CRIME).' : null),
  'no-forward-secrecy': ({ versions }) => {
    const without = versions.filter(
      ({ version, suites, complete }) =>
        version > 0x0002 && complete && suites.length > 0 && !suites.some(hasForwardSecrecy)
    )
    return without.length === 0 ? null : `no suite of ${names(without)} has forward secrecy.`
  },
  'insecure-renegotiation': ({ secureRenegotiation }) =>
    secureRenegotiation === false ? 'renegotiation is not bound to the session (RFC 5746).' : null,
  'no-fallback-protection': ({ fallbackScsv }) =>
    fallbackScsv === false ? 'a fallback to an older version is not noticed (RFC 7507).' : null
}

function accepts({ versions }: DeepReport, wanted: number): boolean {
  return versions.some(({ version, accepted }) => version === wanted && accepted)
}

/** initialization vectors that are the last block of the record before (RFC 2246 §6.2.3.2) */
function isChained(version: number): boolean {
  return version === 0x0300 || version === 0x0301
}

function isDhExport(suite: number): boolean {
  return isExport(suite) && agreesByDhe(suite)
}

/** a rule on the suites of TLS and SSL 3.0: what SSL 2.0 has is bad altogether */
function bySuites(is: (suite: number) => boolean, claim: string): Rule {
  return ({ versions }) => {
    const bad = new Set(
      versions.filter(({ version }) => version > 0x0002).flatMap(({ suites }) => suites.filter(is))
    )
    if (bad.size === 0) return null
    return `${claim}: ${firstOf([...bad].map(suiteName), 3)}.`
  }
}

function names(versions: readonly VersionReport[]): string {
  return versions.map(({ version }) => versionName(version)).join(' and ')
}
