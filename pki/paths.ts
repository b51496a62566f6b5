import type { ChainCertificate } from './chain-certificate.ts'
import { likelyFirst, type TrustStore } from './trust-store.ts'

/** How a path ends: at a trusted root, at a self-signed certificate that is none, or nowhere. */
export type PathEnd = 'trusted' | 'self-signed' | 'missing'

/** A way up from the leaf. */
export interface Path {
  /** leaf first; every one but the first has signed the one before it */
  readonly members: readonly ChainCertificate[]
  readonly end: PathEnd
  /** certificates with the name of the last member's issuer whose key did not sign it, where nothing did */
  readonly refuted: readonly ChainCertificate[]
  /** a bound of the search was met here: there may be a better way */
  readonly isCut: boolean
}

/** Where paths are looked for. */
export interface PathSpace {
  readonly leaf: ChainCertificate
  /** certificates that the server sent beside the leaf */
  readonly sent: readonly ChainCertificate[]
  readonly roots: TrustStore
}

/** Members of a path at most: no real one has more than six. */
const maxMembers = 10
/** Signatures that one search checks at most. */
const maxSignatures = 40

/**
 * Every path from the leaf, trusted roots tried before what the server sent, so that the first is mostly the best:
 * cross-signed CAs give several. The search is bounded in depth and in signatures checked; it always gives at
 * least one path.
 */
export function* findPaths({ leaf, sent, roots }: PathSpace): Generator<Path> {
  let left = maxSignatures
  const sentBySubject = Map.groupBy(sent, ({ subjectKey }) => subjectKey)

  function* climb(members: readonly ChainCertificate[], tip: ChainCertificate): Generator<Path> {
    if (roots.has(tip.fields.fingerprint)) {
      yield { members, end: 'trusted', refuted: [], isCut: false }
      return
    }
    const refuted: ChainCertificate[] = []
    let climbed = false
    let isCut = false
    for (const issuer of [
      ...roots.issuersOf(tip),
      ...likelyFirst(tip, sentBySubject.get(tip.issuerKey) ?? [])
    ]) {
      if (members.some((member) => isSame(member, issuer))) continue
      if (members.length === maxMembers || left === 0) {
        isCut = true
        break
      }
      left--
      if (tip.isSignedBy(issuer)) {
        climbed = true
        yield* climb([...members, issuer], issuer)
      } else refuted.push(issuer)
    }
    if (climbed) return
    const isSelfSigned = tip.isSelfIssued && tip.isSignedBy(tip)
    yield {
      members,
      end: isSelfSigned ? 'self-signed' : 'missing',
      refuted: isSelfSigned ? [] : refuted,
      isCut
    }
  }

  yield* climb([leaf], leaf)
}

/** the same name and key twice in a path is a circle, even where the certificates differ */
function isSame(one: ChainCertificate, other: ChainCertificate): boolean {
  return one.fields.spki === other.fields.spki && one.subjectKey === other.subjectKey
}
