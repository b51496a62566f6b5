import { KeyObject } from 'node:crypto'
import { Fault, type FaultFacts } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import { visible } from '../core/text.ts'

/** What a fact of a log line becomes: JSON. */
export type Shown = string | number | boolean | null | readonly Shown[] | { readonly [name: string]: Shown }

const hidden = '[secret]'

// names of fields whose values are never shown, without dashes and case: what vendors, HTTP and JOSE call them
const secretName =
  /(password|passwd|passphrase|pwd|secret|token|credentials?|community|authkey|privkey|apikey|privatekey|keypem|hmackey|authorization|cookie|sessionid)$/

// private keys in PEM, whole or cut, and the user part of a URL
const privateKey = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g
const urlUser = /(?<=\b[a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]+(?=@)/gi
const bearer = /\b(Bearer|Basic) +[\w.~+/=-]{8,}/gi

const longestText = 2_000
const longestList = 100
const deepest = 6

/**
 * Facts as a log shows them: plain JSON without secrets (by their class, by the name of their field, and where a text
 * holds a private key, the user of a URL or an authorization), bounded in depth and size, and with nothing that acts
 * on a terminal.
 */
export function shownFacts(facts: Readonly<Record<string, unknown>>): Readonly<Record<string, Shown>> {
  return shownFields(Object.entries(facts), [])
}

function shown(value: unknown, above: readonly unknown[]): Shown {
  if (typeof value === 'string') return shownText(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'boolean' || value === null) return value
  if (typeof value !== 'object') return typeof value === 'bigint' ? String(value) : `[${typeof value}]`
  if (value instanceof Secret) return hidden
  if (value instanceof KeyObject) return `[${value.type} key]`
  if (above.includes(value) || above.length >= deepest) return '[…]'
  return shownObject(value, [...above, value])
}

function shownObject(value: object, above: readonly unknown[]): Shown {
  // bytes can be a key
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'no date' : value.toISOString()
  if (value instanceof URL) return shownText(value.href)
  if (value instanceof Error) return shownError(value, above)
  if (value instanceof Map) return shownFields(value, above)
  if (Array.isArray(value) || value instanceof Set) {
    const all = [...(value as Iterable<unknown>)]
    const first = all.slice(0, longestList).map((one) => shown(one, above))
    return all.length > longestList ? [...first, `… ${all.length - longestList} more`] : first
  }
  // a JSON Web Key names its private members by single letters (RFC 7517)
  if ('kty' in value) return '[key]'
  return shownFields(Object.entries(value), above)
}

function shownFields(
  entries: Iterable<readonly [unknown, unknown]>,
  above: readonly unknown[]
): Record<string, Shown> {
  const result: Record<string, Shown> = {}
  let count = 0
  for (const [name, value] of entries) {
    if (value === undefined) continue
    if (++count > longestList) break
    const text = visible(typeof name === 'string' ? name : typeof name, 100)
    const isSecret = secretName.test(text.replace(/[^a-z0-9]/gi, '').toLowerCase())
    result[text === '__proto__' ? '[proto]' : text] =
      isSecret && value !== null ? hidden : shown(value, above)
  }
  return result
}

/** Only what every error has: those of HTTP clients hold the whole request, with its headers. */
function shownError(error: Error, above: readonly unknown[]): Shown {
  const fault: { facts?: FaultFacts } = error instanceof Fault ? { facts: error.facts } : {}
  const { code, stack, cause } = error as Error & { code?: unknown }
  const isExpected = error instanceof Fault && error.kind !== 'bug'
  return shownFields(
    Object.entries({
      name: error.name,
      code,
      message: error.message,
      ...fault,
      stack: isExpected
        ? undefined
        : stack
            ?.split('\n')
            .slice(1, 12)
            .map((line) => line.trim()),
      cause
    }),
    above
  )
}

function shownText(text: string): string {
  const clean = text
    // what is cut away need not be searched, and a key that is cut has lost its end
    .slice(0, longestText * 2)
    .replace(privateKey, '[private key]')
    .replace(urlUser, hidden)
    .replace(bearer, `$1 ${hidden}`)
  return visible(clean, longestText)
}
