import { Type, type TProperties, type TSchema } from 'typebox'
import { schemaVersion } from './schema-version.ts'

/** Records say all that they hold. */
export const options = { additionalProperties: false }

/** The schema, or null. */
export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** Text of any kind. */
export const text = (description: string) => Type.String({ description })

/** A whole number from 0. */
export const count = (description: string) => Type.Integer({ minimum: 0, description })

/** A moment as RFC 3339 text. */
export const time = (description: string) =>
  Type.String({ format: 'date-time', description: `${description}, RFC 3339, UTC` })

/** SHA-256, 64 hex digits. */
export const fingerprint = (description: string) => Type.String({ pattern: '^[0-9a-f]{64}$', description })

/** One kind of record: `type` says which, `schema` its version. */
export function record<const T extends string, P extends TProperties>(type: T, title: string, properties: P) {
  return Type.Object(
    {
      type: Type.Literal(type, { description: 'what this line is' }),
      schema: Type.Literal(schemaVersion, { description: 'version of this form' }),
      ...properties
    },
    { ...options, title }
  )
}

/** A record as code sees it: nobody changes what came out of a function. */
export type Fixed<T> = T extends readonly (infer I)[]
  ? readonly Fixed<I>[]
  : T extends object
    ? { readonly [K in keyof T]: Fixed<T[K]> }
    : T
