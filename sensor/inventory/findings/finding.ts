import { visible } from '../../../core/text.ts'
import type { Facts, NewFinding, Severity } from '../../store/findings.ts'
import { findingCodes, type FindingCode } from './codes.ts'

/** What is wrong or due about one thing, and from when until when that is so. */
export interface Finding extends NewFinding {
  readonly code: FindingCode
}

/** A pure rule: what it finds about a subject, or nothing. */
export type Rule<S> = (subject: S) => readonly Finding[]

/** Stand for always: the findings of a rule that does not depend on the time. */
export const always = { begins: 0, ends: 8_640_000_000_000_000 } as const

/** What a finding says beyond its code. */
interface Details {
  /** a sentence with the figures */
  readonly reason: string
  readonly facts: Facts
  /** when it is not the usual one of the code */
  readonly severity?: Severity
  /** milliseconds, included and excluded; left out for always */
  readonly begins?: number
  readonly ends?: number
}

/** A finding of the code, with its usual severity and for always, as far as `details` does not say otherwise. */
export function finding(code: FindingCode, details: Details): Finding {
  return { code, severity: findingCodes[code].severity, ...always, ...details }
}

/** All that the rules find about a subject, in their order. */
export function applyRules<S>(rules: readonly Rule<S>[], subject: S): Finding[] {
  return rules.flatMap((rule) => rule(subject))
}

/** A day, milliseconds. */
export const day = 86_400_000

/** `2027-01-31`, UTC. */
export function date(ms: number): string {
  return new Date(ms).toISOString().replace(/T.*/, '')
}

/** Days as a person says them: one decimal below ten. */
export function days(ms: number): string {
  const count = ms / day
  const text = count < 10 ? count.toFixed(1).replace(/\.0$/, '') : String(Math.round(count))
  return text === '1' ? '1 day' : `${text} days`
}

/** A name that a peer wrote, as it may stand in a sentence. */
export function named(text: string): string {
  return text === '' ? 'an empty name' : visible(text, 120)
}
