import { moment, reason, type Reason } from './reasons.ts'
import { nextOpening, openings, type Windows } from './windows.ts'

/** How long before its end a certificate is renewed; null: when a third of its lifetime is left, or as its CA wants. */
export type RenewBefore = { readonly days: number } | { readonly share: number } | null

/** When a CA wants a certificate renewed (RFC 9773 §4.2). */
export interface SuggestedWindow {
  readonly begins: number
  readonly ends: number
  readonly explanation: string | null
}

/** A certificate, and by what its renewal is decided. */
export interface RenewalQuestion {
  /** milliseconds since the epoch; null: not known */
  readonly notBefore: number | null
  readonly notAfter: number
  readonly before: RenewBefore
  readonly suggested: SuggestedWindow | null
  /** 0 ≤ x < 1, always the same for one certificate: where in the suggested window it renews */
  readonly point: number
  readonly windows: Windows
}

/** When a certificate is to be renewed (whole milliseconds since the epoch), and why then. */
export interface Due {
  readonly at: number
  readonly reasons: readonly Reason[]
}

const dayMs = 86_400_000

/** what is left of a lifetime when nothing else is said: 2 days of 6, 16 of 47, 67 of 200 */
const usualShare = 1 / 3
/** no rule renews before this share of a lifetime is over: the next certificate would be due at once as well */
const leastUse = 1 / 3
/** so that a profile asks for no larger share */
export const mostShare = 0.66
/** a CA's window never puts off a renewal to the last tenth of a lifetime */
const lastShare = 1 / 10
/**
 * For want of windows no certificate is renewed in the first tenth of its lifetime; nor, within its first day, for its
 * CA's wish: one that wants each certificate renewed at once would have us buy without end.
 */
const firstShare = 1 / 10
const leastTimeMs = 2 * 3_600_000
/** a window must be open that long for a renewal to fit in */
const fitMs = 30 * 60_000

/** When is this certificate to be renewed? Does not depend on the time at which it is asked. */
export function renewalDue(question: RenewalQuestion): Due {
  const due = withinWindows(question, withSuggestion(question, byRule(question)))
  // shares of lifetimes have fractions, moments have none
  return { ...due, at: Math.ceil(due.at) }
}

/** the rule alone */
function byRule({ notBefore, notAfter, before }: RenewalQuestion): Due {
  if (notBefore === null) {
    const days = before !== null && 'days' in before ? before.days : 30
    const at = notAfter - days * dayMs
    return before !== null && 'days' in before
      ? { at, reasons: [reason('renews-by-days', { at: moment(at), days })] }
      : { at, reasons: [reason('lifetime-unknown', { at: moment(at) })] }
  }
  const lifetime = notAfter - notBefore
  const earliest = notBefore + lifetime * leastUse
  if (before === null || 'share' in before) {
    const wanted = before?.share ?? usualShare
    const share = Math.min(wanted, 1 - leastUse)
    const at = notAfter - lifetime * share
    if (share < wanted) {
      const facts = { at: moment(at), share: `${Math.round(wanted * 100)} %`, days: days(lifetime) }
      return { at, reasons: [reason('share-too-large', facts)] }
    }
    const facts = { at: moment(at), share: `${Math.round(share * 100)} %`, days: days(lifetime) }
    return { at, reasons: [reason('renews-by-share', facts)] }
  }
  const wanted = notAfter - before.days * dayMs
  if (wanted >= earliest) {
    return { at: wanted, reasons: [reason('renews-by-days', { at: moment(wanted), days: before.days })] }
  }
  const facts = { at: moment(earliest), days: before.days, lifetime: days(lifetime) }
  return { at: earliest, reasons: [reason('days-too-many', facts)] }
}

/** what the CA wants stands in for the usual rule, and can only hasten one that a person gave */
function withSuggestion(question: RenewalQuestion, rule: Due): Due {
  const { suggested, point, notBefore, notAfter, before } = question
  if (suggested === null) return rule
  const { begins, ends, explanation } = suggested
  const last = notAfter - (notBefore === null ? 0 : (notAfter - notBefore) * lastShare)
  const first =
    notBefore === null ? -Infinity : notBefore + Math.min((notAfter - notBefore) * firstShare, dayMs)
  const at = Math.max(first, Math.min(begins + Math.max(0, ends - begins) * point, last))
  if (before !== null && rule.at <= at) return rule
  const facts = { begins: moment(begins), ends: moment(ends), at: moment(at) }
  const explained = explanation === null ? [] : [reason('ari-explained', { explanation })]
  return { at, reasons: [reason('ari-window', facts), ...explained] }
}

/** a renewal that would find no window before the certificate ends comes late in the last window before that */
function withinWindows(question: RenewalQuestion, due: Due): Due {
  const { notAfter, windows } = question
  if (nextOpening(windows, due.at, fitMs) + fitMs <= notAfter) return due
  const at = lastChance(question, due.at)
  if (at === null) {
    return { ...due, reasons: [...due.reasons, reason('no-window-in-time', { ends: moment(notAfter) })] }
  }
  const facts = { at: moment(at), wanted: moment(due.at) }
  return { at, reasons: [...due.reasons, reason('moved-for-window', facts)] }
}

/** late in its window, for every hour counts until the next one; with time left to do it, and to try again */
function lastChance({ notBefore, notAfter, windows }: RenewalQuestion, wanted: number): number | null {
  const since = notBefore === null ? wanted - 100 * dayMs : notBefore + (notAfter - notBefore) * firstShare
  let last: number | null = null
  for (const { from, to } of openings(windows, since, wanted)) {
    if (to - from >= fitMs) last = Math.max(from, to - Math.max(leastTimeMs, (to - from) / 4))
  }
  return last
}

function days(ms: number): number {
  return Math.round((ms / dayMs) * 10) / 10
}
