import type { CertificateFields } from '../../../pki/fields.ts'
import { date, day, days, finding, type Rule } from './finding.ts'

/** A certificate that is judged, with what its chain says of it. */
export interface JudgedCertificate {
  readonly fields: CertificateFields
  /** a root of the system vouches for it, or it bears marks of a public authority */
  readonly isPublic: boolean
  /** its own key signed it, and it is not trusted as it is */
  readonly isSelfSigned: boolean
}

/** What is left when renewal is due: a third of the lifetime, and never more than 30 days. */
const dueShare = 1 / 3
const dueMs = 30 * day

/** What is left when it becomes urgent: a tenth of the lifetime, and never more than a week. */
const urgentShare = 1 / 10
const urgentMs = 7 * day

/** From when on renewal is due, and from when on it is urgent, milliseconds. */
export interface RenewalTimes {
  readonly due: number
  readonly urgent: number
}

/** The one rule for when a certificate (its validity in milliseconds) is to be renewed. */
export function renewalTimes({
  notBefore,
  notAfter
}: {
  readonly notBefore: number
  readonly notAfter: number
}): RenewalTimes {
  const lifetime = Math.max(0, notAfter - notBefore)
  return {
    due: notAfter - Math.min(dueMs, Math.floor(lifetime * dueShare)),
    urgent: notAfter - Math.min(urgentMs, Math.floor(lifetime * urgentShare))
  }
}

/** Due, then urgent, by {@link renewalTimes}, until the end. */
export const expiresSoon: Rule<JudgedCertificate> = ({ fields: { notBefore, notAfter } }) => {
  const lifetime = notAfter - notBefore
  if (lifetime <= 0) return []
  const { due, urgent } = renewalTimes({ notBefore, notAfter })
  const facts = { notAfter, lifetimeDays: Math.round(lifetime / day) }
  const left = (from: number) =>
    `${days(notAfter - from)} of its ${days(lifetime)} were left on ${date(from)}`
  const reason = (from: number) => `It expires on ${date(notAfter)}; ${left(from)}.`
  return [
    finding('expires-soon', { reason: reason(due), facts, begins: due, ends: urgent }),
    finding('expires-soon', {
      severity: 'critical',
      reason: reason(urgent),
      facts,
      begins: urgent,
      ends: notAfter
    })
  ]
}

/** Past the end of its validity. */
export const expired: Rule<JudgedCertificate> = ({ fields: { notAfter } }) => [
  finding('expired', { reason: `It expired on ${date(notAfter)}.`, facts: { notAfter }, begins: notAfter })
]

/** Before the beginning of its validity. */
export const notYetValid: Rule<JudgedCertificate> = ({ fields: { notBefore } }) =>
  notBefore <= 0
    ? []
    : [
        finding('not-yet-valid', {
          reason: `It is valid from ${date(notBefore)} only.`,
          facts: { notBefore },
          ends: notBefore
        })
      ]

/**
 * The longest validity of publicly trusted TLS certificates by the day of issue: CA/Browser Forum Baseline
 * Requirements 6.3.2 (ballots 193, SC-31/SC-42 and SC-081v3), and before that 39 months (ballot 118). A month of
 * the calendar is not a number of days: 39 months are at most 1,187.
 */
export const validitySchedule: readonly { readonly from: number; readonly days: number }[] = [
  { from: Date.UTC(2029, 2, 15), days: 47 },
  { from: Date.UTC(2027, 2, 15), days: 100 },
  { from: Date.UTC(2026, 2, 15), days: 200 },
  { from: Date.UTC(2020, 8, 1), days: 398 },
  { from: Date.UTC(2018, 2, 1), days: 825 },
  { from: Date.UTC(2015, 3, 1), days: 1187 },
  { from: -Infinity, days: 1827 }
]

/**
 * Valid for longer than the schedule allows at its day of issue. Both ends of the validity belong to it, and
 * anything above full days counts as a day more (BR 6.3.2). Private authorities are free to do so: a note.
 */
export const longValidity: Rule<JudgedCertificate> = ({ fields: { notBefore, notAfter }, isPublic }) => {
  const limit = validitySchedule.find(({ from }) => notBefore >= from)
  const validityMs = notAfter - notBefore + 1_000
  if (!limit || validityMs <= limit.days * day) return []
  const whose = isPublic ? 'it may have' : 'a publicly trusted certificate may have'
  const validityDays = Math.max(limit.days + 1, Math.round(validityMs / day))
  const reason = `It is valid for ${validityDays} days; issued on ${date(notBefore)}, ${whose} ${limit.days} days.`
  const facts = { validityDays, limitDays: limit.days, issued: notBefore }
  return [finding('long-validity', { severity: isPublic ? 'warning' : 'note', reason, facts })]
}
