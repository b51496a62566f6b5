import type { Random } from '../../core/random.ts'
import { readTime } from '../messages/fields.ts'
import { pageUrl } from '../messages/problem.ts'
import { RenewalInfoMessage } from '../messages/renewal-info.ts'
import { answerReader, malformed } from './answers.ts'
import { checkedUrl, type Ca } from './ca.ts'
import { refusalOf } from './refusals.ts'

/** When a CA wants a certificate to be renewed (RFC 9773 §4.2). */
export interface RenewalInfo {
  /** milliseconds since the epoch, start before end */
  readonly window: { readonly start: number; readonly end: number }
  /** a page that tells why; null when the CA gives none */
  readonly explanationUrl: string | null
  /** when to ask again, from now, capped; null when the CA does not say */
  readonly retryAfterMs: number | null
}

const readRenewalInfo = answerReader(RenewalInfoMessage)

/**
 * Asks when a certificate is to be renewed; `id` is its `certificateId`. Null where the CA has no renewal
 * information. Needs no account.
 */
export async function getRenewalInfo(ca: Ca, id: string, signal: AbortSignal): Promise<RenewalInfo | null> {
  const directory = await ca.directory(signal)
  if (directory.renewalInfo === null) return null
  const asked = { ca: ca.name, what: 'the request for renewal information' }
  const place = `${directory.renewalInfo.replace(/\/$/, '')}/${encodeURIComponent(id)}`
  const url = checkedUrl(place, 'renewalInfo', { ca, directory })
  const wanted = { url, method: 'GET', accept: 'application/json', isRepeatable: true } as const
  const answer = await ca.exchange(wanted, signal)
  const retryAfterMs = ca.retryAfter(answer)
  if (answer.status !== 200) throw refusalOf(answer, retryAfterMs, asked)
  const { suggestedWindow, explanationURL } = readRenewalInfo(answer, asked)
  const start = readTime(suggestedWindow.start)
  const end = readTime(suggestedWindow.end)
  // RFC 9773 §4.2: such a window counts as none
  if (start === null || end === null || end <= start) {
    throw malformed(asked, 'suggestedWindow is no span of time')
  }
  return { window: { start, end }, explanationUrl: pageUrl(explanationURL), retryAfterMs }
}

/**
 * A time for the renewal: any time of the window is as likely (RFC 9773 §4.2), so that not all come at once. Choose
 * once for a window and keep it; one that is past means now.
 */
export function chooseRenewalTime({ start, end }: RenewalInfo['window'], random: Random): number {
  return Math.floor(start + random.fraction() * (end - start))
}
