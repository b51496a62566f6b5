import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Fault, type FaultCode } from './fault.ts'

/**
 * A parser made once from a schema: it returns the typed value, or throws a Fault of `code` that names the
 * first wrong field, its value and what the schema wants.
 */
export function parser<const S extends TSchema>(schema: S, code: FaultCode): (value: unknown) => Static<S> {
  const compiled = Compile(schema)
  return (value) => {
    if (compiled.Check(value)) return value
    const [first] = compiled.Errors(value)
    const field = (first?.instancePath ?? '').replace(/^\//, '').replaceAll('/', '.') || 'value'
    throw new Fault(code, `${field} ${first?.message ?? 'is wrong'}`, { field })
  }
}
