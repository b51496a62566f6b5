import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import { Fault, type FaultCode } from './fault.ts'
import { visible } from './text.ts'

/**
 * A parser made once from a schema: it returns the typed value, or throws a Fault of `code` that names the
 * first wrong field, its value and what the schema wants there. Values of fields that hold secrets by their name,
 * or by `writeOnly` in their schema (JSON Schema 2020-12 validation, section 9.4), are not shown.
 */
export function parser<const S extends TSchema>(schema: S, code: FaultCode): (value: unknown) => Static<S> {
  const compiled = Compile(schema)
  return (value) => {
    if (compiled.Check(value)) return value
    const { field, what } = complaint(schema, value, compiled.Errors(value))
    throw new Fault(code, `${field} ${what}`, { field })
  }
}

/** What is wrong first, as the sentence that follows the name of the field. */
function complaint(
  schema: TSchema,
  value: unknown,
  errors: readonly TLocalizedValidationError[]
): { readonly field: string; readonly what: string } {
  // a field that is not known comes twice: once for itself, once for the object around it
  const [first] = errors.filter(({ keyword }) => keyword !== 'boolean')
  if (!first) return { field: 'value', what: 'is wrong' }
  const at = steps(first.instancePath)
  if (first.keyword === 'required')
    return { field: fieldName([...at, first.params.requiredProperties[0] ?? '']), what: 'is missing' }
  if (first.keyword === 'additionalProperties')
    return { field: fieldName([...at, first.params.additionalProperties[0] ?? '']), what: 'is not known' }
  // the branches of a union all complain of one value: each says what would do
  const wishes = errors
    .filter((one) => one.instancePath === first.instancePath)
    .flatMap((one) => wish(schema, one) ?? [])
  const wanted = [...new Set(wishes)].join(' or ')
  return { field: fieldName(at), what: `${valueText(schema, value, first)}${wanted && `: wanted ${wanted}`}` }
}

function fieldName(at: readonly string[]): string {
  return visible(at.join('.'), 100) || 'value'
}

/** The steps of a JSON pointer (RFC 6901). */
function steps(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** What is found by going down into something. */
function follow(from: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, step) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[step] : undefined),
    from
  )
}

const secretName = /pass|secret|token|credential|(?:^|[-_a-z])key$/i

function valueText(schema: TSchema, value: unknown, { instancePath, schemaPath }: TLocalizedValidationError) {
  const at = steps(instancePath)
  const place = follow(schema, steps(schemaPath))
  const isSecret = at.some((step) => secretName.test(step)) || follow(place, ['writeOnly']) === true
  if (isSecret) return 'is not as it must be'
  const given = follow(value, at)
  // what is inside could be a secret
  if (typeof given === 'object' && given !== null)
    return `is ${Array.isArray(given) ? 'a list' : 'an object'}`
  return `is ${visible(JSON.stringify(given) ?? 'nothing', 60)}`
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null'
}

/** What the schema wants in the place of an error; null: nothing that a person could read. */
function wish(schema: TSchema, error: TLocalizedValidationError): string | null {
  switch (error.keyword) {
    case 'type':
      return [error.params.type]
        .flat()
        .map((type) => kinds[type] ?? type)
        .join(' or ')
    case 'enum':
      return `one of ${error.params.allowedValues.map((one) => JSON.stringify(one)).join(', ')}`
    case 'const':
      return JSON.stringify(error.params.allowedValue)
    case 'pattern': {
      // a pattern is for machines: its schema may say it for people
      const described = follow(schema, [...steps(error.schemaPath), 'description'])
      return typeof described === 'string' ? described : `a text of the form ${String(error.params.pattern)}`
    }
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return `a number ${error.params.comparison} ${error.params.limit}`
    case 'minLength':
    case 'minItems':
      return `at least ${counted(error.params.limit, error.keyword)}`
    case 'maxLength':
    case 'maxItems':
      return `at most ${counted(error.params.limit, error.keyword)}`
    case 'anyOf':
      return null
    default:
      return error.message
  }
}

function counted(limit: number | bigint, keyword: string): string {
  const [one, many] = keyword.endsWith('Length') ? ['character', 'characters'] : ['entry', 'entries']
  return `${limit} ${Number(limit) === 1 ? one : many}`
}
