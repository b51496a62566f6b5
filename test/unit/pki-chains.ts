import { checkChain, type ChainQuestion, type ChainReport } from '../../pki/chain.ts'
import type { ChainFact } from '../../pki/chain-facts.ts'
import { readCertificate } from '../../pki/quick.ts'
import { openTrustStore } from '../../pki/trust-store.ts'
import {
  authorityKeyId,
  caExtensions,
  commonName,
  dnsNames,
  forge,
  type Forged,
  newKeys,
  type Recipe,
  utcTime
} from './pki-forge.ts'

/** The time at which the chains of the tests are looked at. */
export const now = Date.UTC(2026, 5, 1)
/** A time that is over then, and one that has not begun. */
export const expired = { notBefore: utcTime('200101000000Z'), notAfter: utcTime('250101000000Z') }
export const future = { notBefore: utcTime('300101000000Z') }

/** A CA with a key of its own: a root, or issued by another. */
export function ca(name: string, issuer?: Forged, more: Recipe & { pathLength?: number } = {}): Forged {
  const keys = more.keys ?? newKeys()
  const extensions = [
    ...caExtensions(keys, more.pathLength),
    ...(issuer ? [authorityKeyId(issuer.publicKey)] : []),
    ...(more.extensions ?? [])
  ]
  return forge({ subject: commonName(name), keys, ...(issuer ? { issuer } : {}), ...more, extensions })
}

/** A certificate for www.example.org. */
export function leafOf(issuer: Forged, more: Recipe = {}): Forged {
  const extensions = [
    authorityKeyId(issuer.publicKey),
    dnsNames('www.example.org'),
    ...(more.extensions ?? [])
  ]
  return forge({ subject: commonName('www.example.org'), keys: newKeys(), issuer, ...more, extensions })
}

/** A root, an intermediate, a leaf below it, and a root that has nothing to do with them. */
export const root = ca('root')
export const middle = ca('middle', root)
export const leaf = leafOf(middle)
export const stranger = ca('stranger')
const roots = openTrustStore([stranger.der, root.der])

/** Checks a chain against the roots of the tests. */
export function check(served: readonly Forged[], more: Partial<ChainQuestion> = {}): ChainReport {
  return checkChain({ served: served.map(({ der }) => der), roots, now, ...more })
}

export const kinds = ({ facts }: ChainReport): ChainFact['kind'][] => facts.map(({ kind }) => kind)
export const print = ({ der }: Forged): string => readCertificate(der).fingerprint
