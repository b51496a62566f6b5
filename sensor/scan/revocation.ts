import { hash } from 'node:crypto'
import { asFault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { crlStatus, readCrl, type Crl } from '../../pki/crl.ts'
import { ocspRequest, readOcspResponse } from '../../pki/ocsp.ts'
import { readPem } from '../../pki/pem.ts'
import { readCertificate } from '../../pki/quick.ts'
import {
  wrongAnswer,
  type RevocationError,
  type RevocationQuestion,
  type RevocationReason,
  type RevocationStatus
} from '../../pki/revocation.ts'
import {
  askOutside,
  isWeb,
  type OutgoingDeps,
  type OutgoingFailure,
  type OutgoingRequest
} from './outgoing.ts'

/** What the asking for revocation can come to: a closed list. */
export const revocationOutcomes = {
  good: 'the certificate is not revoked, says its issuer',
  revoked: 'the certificate is revoked, says its issuer',
  unknown: 'the responder does not know the certificate',
  unavailable: 'no place that was asked gave an answer that can be believed',
  'not-asked': 'the configuration allows to ask none of the places that the certificate names',
  'none-named': 'the certificate names no place that can be asked by HTTP'
} as const

/** Where an answer comes from, and how long it holds (milliseconds since the epoch). */
export interface RevocationSource {
  readonly by: 'ocsp' | 'crl'
  readonly url: string
  readonly thisUpdate: number
  /** null: newer information is always available */
  readonly nextUpdate: number | null
}

/** A place that was asked in vain. */
export interface RevocationAttempt {
  readonly by: 'ocsp' | 'crl'
  readonly url: string
  readonly why: OutgoingFailure | RevocationError
  /** for a person */
  readonly detail: string
}

/** What is known about the revocation of one certificate; the outcomes are those of {@link revocationOutcomes}. */
export type Revocation =
  | ({ readonly outcome: 'good' | 'unknown' } & RevocationSource)
  | ({
      readonly outcome: 'revoked'
      readonly at: number
      readonly reason: RevocationReason
    } & RevocationSource)
  | { readonly outcome: 'unavailable'; readonly attempts: readonly RevocationAttempt[] }
  | { readonly outcome: 'not-asked' | 'none-named' }

/** A certificate and the one that issued it, both DER. */
export interface Asked {
  readonly leaf: Uint8Array
  readonly issuer: Uint8Array
}

/** Answers kept for as long as they hold: OCSP responses and CRLs, as they came. */
export interface AnswerCache {
  /** the bytes of a key; what is over is left out or returned, as the cache likes: it is checked again */
  get(key: string): Uint8Array | undefined
  /** `until`: milliseconds since the epoch */
  set(key: string, bytes: Uint8Array, until: number): void
}

/** What the asking works with. Nothing is asked unless `allow` says so. */
export interface RevocationDeps extends OutgoingDeps {
  readonly cache: AnswerCache
  /** places by URL that gave no answer, and why: with it each is asked once in a run, not once a certificate */
  readonly inVain?: Map<string, InVain>
}

/** What one place may send, and how long it may take. CRLs of public CAs have up to some 10 MB. */
export const revocationLimits = {
  ocsp: { maxBytes: 64 << 10, timeoutMs: 10_000 },
  crl: { maxBytes: 64 << 20, timeoutMs: 60_000 }
} as const

/** Places that are remembered for having given no answer. */
const mostInVain = 10_000

/** Places of each kind that one certificate can make us ask. */
const mostPlaces = 4

/**
 * Asks whether a certificate is revoked where it says that this can be asked: by OCSP first, then by CRL. Only
 * answers that its issuer signed, that are about it and current, are believed; they are kept until their next
 * update. It never throws for what a server sends; a broken certificate throws a Fault certificate-malformed.
 */
export async function revocationOf(
  asked: Asked,
  deps: RevocationDeps,
  signal: AbortSignal
): Promise<Revocation> {
  const { ocspUrls, crlUrls } = readCertificate(asked.leaf)
  const places = [...placesOf('ocsp', ocspUrls), ...placesOf('crl', crlUrls)]
  if (places.length === 0) return { outcome: 'none-named' }
  if (places.every(({ url }) => deps.allow(new URL(url)) === 'no')) return { outcome: 'not-asked' }

  const attempts: RevocationAttempt[] = []
  let unknown: Revocation | null = null
  const inquiry = { asked, deps, signal }
  for (const { by, url } of places) {
    if (signal.aborted) break
    const answer = await ask(by === 'ocsp' ? ocspQuestion(url, inquiry) : crlQuestion(url, inquiry), inquiry)
    if ('why' in answer) attempts.push({ by, url, why: answer.why, detail: visible(answer.detail) })
    else if (answer.state !== 'unknown') return told(answer, { by, url })
    else unknown ??= told(answer, { by, url })
  }
  return unknown ?? { outcome: 'unavailable', attempts }
}

interface Place {
  readonly by: 'ocsp' | 'crl'
  readonly url: string
}

function placesOf(by: Place['by'], urls: readonly string[]): Place[] {
  const web = urls.filter((url) => URL.canParse(url) && isWeb(new URL(url)))
  // the form of the URL parser holds nothing that a terminal or a page would mistake
  return web.slice(0, mostPlaces).map((url) => ({ by, url: new URL(url).href }))
}

type Believed = Exclude<RevocationStatus, { state: 'error' }>
/** Why nothing came of asking a place. */
export type InVain = Pick<RevocationAttempt, 'why' | 'detail'>

function told(status: Believed, place: Place): Revocation {
  const { thisUpdate, nextUpdate } = status
  const source = { ...place, thisUpdate, nextUpdate }
  if (status.state !== 'revoked') return { outcome: status.state, ...source }
  return { outcome: 'revoked', at: status.at, reason: status.reason, ...source }
}

interface Inquiry {
  readonly asked: Asked
  readonly deps: RevocationDeps
  readonly signal: AbortSignal
}

interface Question {
  /** under which the answer is kept */
  readonly key: string
  readonly request: OutgoingRequest
  readonly judge: (answer: Uint8Array) => RevocationStatus
}

function ocspQuestion(url: string, { asked, deps }: Inquiry): Question {
  const { leaf, issuer } = asked
  const { der } = ocspRequest(leaf, issuer)
  return {
    key: `ocsp ${url} ${hash('sha256', leaf)} ${hash('sha256', issuer)}`,
    request: {
      ...revocationLimits.ocsp,
      url,
      body: { bytes: der, type: 'application/ocsp-request' },
      accept: 'application/ocsp-response'
    },
    judge: (answer) => readOcspResponse(answer, { leaf, issuer, now: deps.clock.now() })
  }
}

function crlQuestion(url: string, { asked, deps }: Inquiry): Question {
  return {
    key: `crl ${url}`,
    request: { ...revocationLimits.crl, url, accept: 'application/pkix-crl, */*' },
    judge: (answer) => judgeCrl(answer, { ...asked, now: deps.clock.now() })
  }
}

/** the answer that is kept where it still holds, else a new one, which is kept while it does */
async function ask({ key, request, judge }: Question, { deps, signal }: Inquiry): Promise<Believed | InVain> {
  const kept = deps.cache.get(key)
  const before = kept && judge(kept)
  if (before && before.state !== 'error') return before
  const inVain = deps.inVain?.get(request.url)
  if (inVain) return inVain
  const answer = await askOutside(request, deps, signal)
  if (!answer.ok) {
    const failed = { why: answer.failure, detail: answer.detail }
    // what a responder says of one certificate says nothing of the next
    const concernsAll = request.body === undefined || failed.why === 'unreachable' || failed.why === 'timeout'
    if (concernsAll && !signal.aborted && (deps.inVain?.size ?? 0) < mostInVain)
      deps.inVain?.set(request.url, failed)
    return failed
  }
  const status = judge(answer.bytes)
  if (status.state === 'error') return { why: status.error, detail: status.detail }
  if (status.nextUpdate !== null) deps.cache.set(key, answer.bytes, status.nextUpdate)
  return status
}

/** lists that were read, for as long as the cache keeps their bytes: many certificates ask the same one */
const lists = new WeakMap<Uint8Array, Crl>()

function judgeCrl(bytes: Uint8Array, question: RevocationQuestion): RevocationStatus {
  try {
    const crl = lists.get(bytes) ?? checkedOnce(readCrl(derOf(bytes)))
    lists.set(bytes, crl)
    return crlStatus(crl, question)
  } catch (thrown) {
    const { code, message } = asFault(thrown)
    if (code !== 'certificate-malformed') throw thrown
    return wrongAnswer('malformed', message)
  }
}

/** the signature over a list of many megabytes is looked at once for an issuer, not for each certificate */
function checkedOnce(crl: Crl): Crl {
  let last: { readonly issuer: Uint8Array; readonly verdict: ReturnType<Crl['checkSignature']> } | null = null
  return {
    ...crl,
    checkSignature(issuer) {
      if (last === null || Buffer.compare(last.issuer, issuer) !== 0)
        last = { issuer, verdict: crl.checkSignature(issuer) }
      return last.verdict
    }
  }
}

/** some authorities publish PEM, which RFC 5280 §4.2.1.13 does not foresee */
function derOf(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x2d) return bytes
  return readPem(Buffer.from(bytes).toString('latin1'))[0]?.der ?? bytes
}
