import 'reflect-metadata'
import { Name } from '@peculiar/x509'
import { Fault } from '../core/fault.ts'
import { visible } from '../core/text.ts'

/** Attribute types of a subject that may be set, and the longest value of each (RFC 5280 §A.1, upper bounds). */
const limits = { C: 2, ST: 128, L: 128, O: 64, OU: 64, CN: 64 } as const

/** The subject of a request or of an own CA; what is left out is absent. */
export type SubjectFields = { readonly [Type in keyof typeof limits]?: string }

/**
 * The name of a subject, least specific first, with the string types of RFC 5280 §4.1.2.4. Throws a Fault
 * subject-malformed for an empty value, one that is too long or holds control characters, and a country that is no
 * code of two letters.
 */
export function subjectName(fields: SubjectFields): Name {
  const types = Object.keys(limits) as (keyof typeof limits)[]
  return new Name(types.flatMap((type) => relativeName(type, fields[type])))
}

type RelativeName = Record<string, { printableString: string }[] | { utf8String: string }[]>

function relativeName(type: keyof typeof limits, value: string | undefined): RelativeName[] {
  if (value === undefined) return []
  const problem = problemOf(type, value)
  if (problem !== undefined) {
    const message = `subject ${type}=${visible(value)}: ${problem}. Correct it, or leave it out.`
    throw new Fault('subject-malformed', message, { field: type, value: visible(value) })
  }
  return [type === 'C' ? { C: [{ printableString: value }] } : { [type]: [{ utf8String: value }] }]
}

function problemOf(type: keyof typeof limits, value: string): string | undefined {
  if (type === 'C') return /^[A-Z]{2}$/.test(value) ? undefined : 'a country is two capital letters, ISO 3166'
  if (value.trim() === '') return 'it is empty'
  if (visible(value, Infinity) !== value) return 'it holds control characters'
  const length = Array.from(value).length
  return length > limits[type] ? `it has ${length} characters, and may have ${limits[type]}` : undefined
}
