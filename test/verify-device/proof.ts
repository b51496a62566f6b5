import { isDeepStrictEqual } from 'node:util'
import { jsonLine } from '../../core/text.ts'
import { Fault } from '../../core/fault.ts'
import type { Proof } from '../contract/world.ts'

/** Something is not as the contract has it; what a case does afterwards would say nothing. */
export class Disproved extends Error {
  override readonly name = 'Disproved'
}

/** Assertions that throw {@link Disproved} at the first one that does not hold. */
export function proof(): Proof {
  const must = (holds: boolean, message: readonly string[], what: string) => {
    if (!holds) throw new Disproved([...message, what].join(': '))
  }
  const both = (found: unknown, wanted: unknown) => `found ${told(found)}, wanted ${told(wanted)}`
  return {
    ok: (found, ...message) => must(Boolean(found), message, `found ${told(found)}`),
    notOk: (found, ...message) => must(!found, message, `found ${told(found)}`),
    equal: (found, wanted, ...message) => must(Object.is(found, wanted), message, both(found, wanted)),
    same: (found, wanted, ...message) => must(isDeepStrictEqual(found, wanted), message, both(found, wanted)),
    notSame: (found, unwanted, ...message) =>
      must(!isDeepStrictEqual(found, unwanted), message, `found ${told(found)} as it must not be`),
    match: (found, pattern, ...message) => must(fits(found, pattern), message, both(found, pattern)),
    notMatch: (found, pattern, ...message) =>
      must(!fits(found, pattern), message, `found ${told(found)}, which must not fit ${told(pattern)}`),
    async rejects(promise) {
      const ended = await promise.then(
        () => true,
        () => false
      )
      must(!ended, [], 'it went well, and should not have')
    }
  }
}

/** Why a case did not come to its end, for a person. */
export function whyOf(thrown: unknown): string {
  if (thrown instanceof Fault) return `${thrown.code}: ${thrown.message}`
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** whatever the pattern names is there, and fits its regular expressions */
function fits(found: unknown, pattern: unknown): boolean {
  if (pattern instanceof RegExp) return typeof found === 'string' && pattern.test(found)
  if (typeof pattern !== 'object' || pattern === null) return Object.is(found, pattern)
  if (typeof found !== 'object' || found === null) return false
  return Object.entries(pattern).every(([name, part]) =>
    fits((found as Readonly<Record<string, unknown>>)[name], part)
  )
}

const longest = 1_500

function told(value: unknown): string {
  const plain = (_: string, part: unknown) => (part instanceof RegExp ? String(part) : part)
  const text = value === undefined ? 'nothing' : jsonLine(JSON.parse(JSON.stringify(value, plain)))
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
