/**
 * Every reason that a decision can have, with the sentence that people read. `{name}` stands for a fact; times are
 * ISO 8601 in UTC.
 */
export const reasons = {
  // when a certificate is renewed
  'renews-by-share': 'it renews at {at}, when {share} of its {days} days are left',
  'renews-by-days': 'it renews at {at}, {days} days before it ends',
  'days-too-many':
    'its profile says {days} days before the end, which is too much of its {lifetime} days: {at} it is',
  'share-too-large':
    'its profile says when {share} of its {days} days are left, which is too early: {at} it is, after a third of them',
  'lifetime-unknown': 'it renews at {at}, 30 days before it ends: its beginning is not known',
  'ari-window': 'its CA wants it renewed between {begins} and {ends}: {at} it is',
  'ari-explained': 'the CA says why: {explanation}',
  'moved-for-window':
    'it renews at {at} already: {wanted} was wanted, but no maintenance window comes before its end',
  'no-window-in-time': 'no maintenance window comes before it ends at {ends}',
  'nothing-held': 'it is not known what the target holds: discover the device',
  'not-managed': 'no profile is given for it',
  'target-unseen': 'it is not known whether there is such a target: {fault}',
  'switched-off': 'its renewal is switched off',

  'in-event': 'event {event} is {state}: {why}',

  // what keeps an event or a deployment from going on
  'start-later': 'it is wanted at {at}, not before',
  'window-closed': 'the maintenance window opens at {at}',
  'window-never': 'no maintenance window will ever open',
  'black-out': 'nothing is changed until {at}: {what}',
  'approval-missing': 'somebody must approve the plan {hash}',
  'names-lost':
    'the new certificate does not cover {names}, served now: somebody must accept that with the plan {hash}',
  'read-only': 'device {device} is only read: allow writing first',
  'target-held': 'event {event} is not done with the same target',
  'device-taken': 'device {device} is busy with deployment {deployment}',
  'enough-under-way': '{count} deployments are under way, as many as may be',
  'canary-first': 'the first target must be live before the others',
  'canary-soaks': 'the first target is watched until {at}',
  'stopped-by-failure': 'the deployment to {target} failed: no others are begun',

  // what went wrong, and when it is tried again
  'tried-again': 'it is tried again at {at}: {fault}',
  'put-off': 'its renewal was taken back ({fault}), and is asked for again at {at}',
  'given-up': 'it is not tried again by itself: {fault}'
} as const satisfies Record<string, string>

/** A word of {@link reasons}. */
export type ReasonCode = keyof typeof reasons

type FactNames<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | FactNames<Rest>
  : never

/** The facts that the sentence of a reason names. */
export type ReasonFacts<Code extends ReasonCode> = Readonly<
  Record<FactNames<(typeof reasons)[Code]>, string | number>
>

/** A reason with its facts. Plain data. */
export interface Reason {
  readonly code: ReasonCode
  readonly facts: Readonly<Record<string, string | number>>
}

/** Makes a reason; the compiler holds the facts against the sentence. */
export function reason<Code extends ReasonCode>(code: Code, facts: ReasonFacts<Code>): Reason {
  return { code, facts }
}

/** The reason as people read it. */
export function sentence({ code, facts }: Reason): string {
  return reasons[code].replace(/\{(\w+)\}/g, (_, name: string) => String(facts[name] ?? ''))
}

/** A time as it stands in sentences: `2026-11-25T04:00:00Z`; `never` for one that does not come. */
export function moment(at: number): string {
  return Number.isFinite(at) ? `${new Date(at).toISOString().slice(0, 19)}Z` : 'never'
}
