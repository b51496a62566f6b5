import { badProperty } from './refusal.ts'

/** What can be in a body. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
/** An object of a body. */
export interface JsonObject {
  readonly [name: string]: Json
}

/** Is it an object, not an array? */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A property that is text, or undefined when it is not given; anything else is refused. */
export function textOf(body: JsonObject, name: string): string | undefined {
  const value = body[name]
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw badProperty(name)
  return value
}

/** As {@link textOf}, with `none` and empty text read as null: the device writes "nothing" so. */
export function referenceOf(body: JsonObject, name: string): string | null | undefined {
  const value = textOf(body, name)
  return value === 'none' || value === '' ? null : value
}

/** A property that is a list, or undefined when it is not given. */
export function listOf(body: JsonObject, name: string): readonly Json[] | undefined {
  const value = body[name]
  if (value === undefined) return undefined
  if (!Array.isArray(value)) throw badProperty(name)
  return value as readonly Json[]
}

/** A property that is a number, or text of digits, as command lines give them. */
export function numberOf(body: JsonObject, name: string): number | undefined {
  const value = body[name]
  if (value === undefined) return undefined
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isInteger(number)) throw badProperty(name)
  return number
}

/** The object without these properties. */
export function without(body: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)))
}

/** A scalar as text: settings that are said to be text come as numbers and booleans, too. */
export function scalarText(value: Json | undefined): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : ''
}
