import { allGroups, schemes, type HelloOffer } from '../probe/hello.ts'
import { registeredSuites } from '../probe/registry.ts'
import { suites } from '../probe/suites.ts'
import { sweepAgreement } from '../probe/agreements.ts'
import { ecdheGroups, tls13Groups } from './groups.ts'
import { isSsl2Kind, isTls13Suite } from './suite-traits.ts'

/**
 * How much a hello may say. `full`: every suite, group and extension that is of interest. `plain`: the usual
 * suites and extensions, for servers that cannot bear the full one. `bare`: under 256 bytes and without
 * extensions, for servers that predate them.
 */
export type Dialect = 'full' | 'plain' | 'bare'

/** The dialects in the order in which they are tried. */
export const dialects: readonly Dialect[] = ['full', 'plain', 'bare']

const usual = suites.map(({ id }) => id)
const all = [...usual, ...[...registeredSuites.keys()].filter((id) => !usual.includes(id) && !isSsl2Kind(id))]
const old = all.filter((id) => !isTls13Suite(id))

/** Every suite of TLS 1.3, the usual ones first. */
export const tls13Suites: readonly number[] = all.filter(isTls13Suite)

/** Suites that hellos of a version before TLS 1.3 offer, in lists that a server of that dialect can bear. */
export function suiteLists(dialect: Dialect): readonly (readonly number[])[] {
  if (dialect === 'full') return [old]
  const size = 60
  return Array.from({ length: Math.ceil(old.length / size) }, (_, at) =>
    old.slice(at * size, (at + 1) * size)
  )
}

const everyScheme = [...schemes.ECDSA, ...schemes.EdDSA, ...schemes.RSA, ...schemes.DSS]

/** heartbeat, peer_allowed_to_send (RFC 6520 §2) */
const heartbeat: ReadonlyMap<number, Uint8Array> = new Map([[15, Uint8Array.of(1)]])

/** What is to be offered beside the suites. */
export interface OfferOptions {
  readonly version: number
  readonly dialect: Dialect
  readonly name: string | null
}

/** A hello of one version before TLS 1.3 with these suites. */
export function oldOffer(offered: readonly number[], { version, dialect, name }: OfferOptions): HelloOffer {
  const offer = { versions: [version], suites: offered, share: null }
  if (dialect === 'bare' || version === 0x0300) {
    return { ...offer, name: null, schemes: [], groups: [], extensions: false }
  }
  return { ...offer, name, schemes: everyScheme, groups: dialect === 'full' ? ecdheGroups : allGroups }
}

/** The same, asking for everything else that an answer can tell. */
export function curiousOldOffer(offered: readonly number[], options: OfferOptions): HelloOffer {
  const offer = oldOffer(offered, options)
  if (options.dialect === 'bare') return offer
  const compression = options.dialect === 'full' ? { compression: [1, 0] } : {}
  return offer.extensions === false
    ? { ...offer, ...compression }
    : { ...offer, ...compression, extras: true, further: heartbeat }
}

/** A hello of TLS 1.3 whose answer can be decrypted. */
export function tls13Offer(offered: readonly number[], name: string | null): HelloOffer {
  const { share } = sweepAgreement
  return {
    versions: [0x0304],
    suites: offered,
    schemes: everyScheme,
    groups: allGroups,
    share,
    name,
    extras: true
  }
}

/**
 * A hello of TLS 1.3 without a key share: the server names its choice of suite and group in a
 * HelloRetryRequest, which costs it no signature (RFC 8446 §4.2.8).
 */
export function tls13Question(
  offered: readonly number[],
  name: string | null,
  groups = tls13Groups
): HelloOffer {
  return { versions: [0x0304], suites: offered, schemes: everyScheme, groups, share: null, name }
}
