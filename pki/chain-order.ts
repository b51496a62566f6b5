import { Fault } from '../core/fault.ts'
import { visible } from '../core/text.ts'
import { ChainCertificate } from './chain-certificate.ts'
import { findPaths, type Path } from './paths.ts'
import { openTrustStore } from './trust-store.ts'

/** Certificates as they will be served. */
export interface OrderedChain {
  /** DER, leaf first, each signed by the next; without a root, which clients have or do not believe */
  readonly chain: readonly Buffer[]
  /** the root that ended the chain, when it was among the certificates */
  readonly root: Buffer | null
  /** those that the chain does without, DER */
  readonly strangers: readonly Buffer[]
}

/** more than any file of a CA holds, root stores aside */
const maxCertificates = 200

/**
 * Brings certificates (DER, in any order, with others among them) into the order of serving: the one of the key
 * first, the newest where there are several, then those that have signed one the other, by their signatures. Several
 * ways up are possible where CAs are cross-signed: one that ends at a root is preferred, then the longest. Faults:
 * certificate-malformed, chain-unfit (none is for the key).
 */
export function orderChain(certificates: readonly Uint8Array[], leafSpki: string): OrderedChain {
  if (certificates.length > maxCertificates) {
    throw unfit(`there are ${certificates.length} certificates, and at most ${maxCertificates} are looked at`)
  }
  const read = certificates.map((der) => new ChainCertificate(der))
  const members = [...new Map(read.map((one) => [one.fields.fingerprint, one])).values()]
  const leaf = members
    .filter(({ fields }) => fields.spki === leafSpki)
    .reduce<ChainCertificate | undefined>(
      (best, one) => (!best || one.fields.notBefore > best.fields.notBefore ? one : best),
      undefined
    )
  if (!leaf) throw withoutLeaf(members)
  const path = bestPath(leaf, members)
  const last = path.members.at(-1)
  const root = path.end === 'self-signed' && last !== leaf ? last : undefined
  const strangers = members.filter((one) => !path.members.includes(one))
  return {
    chain: path.members.filter((one) => one !== root).map(derOf),
    root: root ? derOf(root) : null,
    strangers: strangers.map(derOf)
  }
}

function bestPath(leaf: ChainCertificate, members: readonly ChainCertificate[]): Path {
  const sent = members.filter((one) => one !== leaf)
  const rank = ({ end, members: { length } }: Path) => (end === 'self-signed' ? 1000 - length : length)
  const paths = [...findPaths({ leaf, sent, roots: openTrustStore([]) })]
  return paths.reduce((best, path) => (rank(path) > rank(best) ? path : best))
}

function derOf({ der }: ChainCertificate): Buffer {
  return Buffer.from(der)
}

function withoutLeaf(members: readonly ChainCertificate[]): Fault {
  const subjects = members.slice(0, 5).map(({ fields }) => visible(fields.subject))
  if (members.length === 0) return unfit('there is no certificate')
  return unfit(`none of the certificates is for the key of this request (${subjects.join('; ')})`)
}

function unfit(problem: string): Fault {
  return new Fault(
    'chain-unfit',
    `The chain does not fit: ${problem}. Give the certificate of this request with its intermediates.`,
    { problem }
  )
}
