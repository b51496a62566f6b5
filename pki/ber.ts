import forge from 'node-forge'
import { visible } from '../core/text.ts'

/*
 * Views of what node-forge reads of BER (X.690 §8): PKCS#12 files come with indefinite lengths and strings in pieces,
 * which the strict reader of certificates refuses. Everything here throws an Error with a reason, which the reader of
 * the file turns into its Fault.
 */

/** One element as node-forge has it. */
export type Element = forge.asn1.Asn1

const { Class, Type } = forge.asn1

/** The element that the bytes are, and nothing behind it. */
export function parseBer(bytes: Uint8Array): Element {
  return forge.asn1.fromDer(Buffer.from(bytes).toString('latin1'))
}

/** The elements inside a SEQUENCE, or inside an explicit tag. */
export function partsOf(element: Element | undefined, field: string): Element[] {
  if (element && Array.isArray(element.value) && !isOctets(element)) return element.value
  throw new Error(`${field} is missing, or no structure`)
}

/** The content of the explicit tag `number` (context-specific). */
export function tagged(element: Element | undefined, number: number, field: string): Element {
  const [inner] = isTag(element, number) ? partsOf(element, field) : []
  if (inner) return inner
  throw new Error(`${field} is missing`)
}

/** Is it the context-specific tag `number`? */
export function isTag(element: Element | undefined, number: number): element is Element {
  return element?.tagClass === Class.CONTEXT_SPECIFIC && (element.type as number) === number
}

/** Is it of this universal type? */
export function isType(element: Element | undefined, type: keyof typeof Type): element is Element {
  return element?.tagClass === Class.UNIVERSAL && element.type === Type[type]
}

function isOctets(element: Element): boolean {
  return isType(element, 'OCTETSTRING')
}

/** The bytes of an OCTET STRING, also one in pieces; `implicit` where a tag stands in place of its type. */
export function octetsOf(element: Element | undefined, field: string, implicit?: number): Buffer {
  const fits = implicit === undefined ? element && isOctets(element) : isTag(element, implicit)
  if (!element || !fits) throw new Error(`${field} is missing, or no octet string`)
  if (typeof element.value === 'string') return Buffer.from(element.value, 'latin1')
  return Buffer.concat(element.value.map((piece) => octetsOf(piece, field)))
}

/** The dotted text of an OBJECT IDENTIFIER. */
export function dottedOf(element: Element | undefined, field: string): string {
  if (!isType(element, 'OID') || typeof element.value !== 'string' || element.value === '')
    throw new Error(`${field} is missing, or no object identifier`)
  return visible(forge.asn1.derToOid(element.value))
}

/** A number from zero that is exact, or Infinity for one that is not. */
export function numberOf(element: Element | undefined, field: string): number {
  if (!isType(element, 'INTEGER') || typeof element.value !== 'string' || element.value === '')
    throw new Error(`${field} is missing, or no number`)
  const value = Number(`0x${Buffer.from(element.value, 'latin1').toString('hex')}`)
  if (element.value.charCodeAt(0) > 0x7f) throw new Error(`${field} is negative`)
  return Number.isSafeInteger(value) ? value : Infinity
}

/** The DER of an element. */
export function derOf(element: Element): Buffer {
  return Buffer.from(forge.asn1.toDer(element).getBytes(), 'latin1')
}
