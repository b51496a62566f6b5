import { type AttributeParts, NameParts, parseAsn } from './parts.ts'
import { attributeTypes } from './object-ids.ts'

/** Lower-case hex of a buffer. */
export function hexOfBuffer(buffer: ArrayBuffer): string {
  return Buffer.from(buffer).toString('hex')
}

/**
 * An object identifier as asn1js writes it, as dotted numbers: that library leaves parts above 2^53 as the hex of
 * their seven-bit groups, `2.25.{0102…}`.
 */
export function dottedOf(oid: string): string {
  return oid.replace(/\{([0-9a-f]+)\}/gi, (_, groups: string) =>
    [...Buffer.from(groups, 'hex')].reduce((value, group) => (value << 7n) | BigInt(group), 0n).toString()
  )
}

/** A Name's DER as RFC 4514 text, and its first common name. */
export function nameOf(der: ArrayBuffer): { text: string; commonName: string | null } {
  const relative = Array.from(parseAsn(der, NameParts), (rdn) => Array.from(rdn, attributeOf))
  const commonName = relative.flat().find(({ type, value }) => type === 'CN' && value !== undefined)?.value
  const text = relative
    .reverse()
    .map((attributes) => attributes.map(({ text }) => text).join('+'))
    .join(',')
  return { text, commonName: commonName ?? null }
}

interface Attribute {
  readonly type: string
  readonly value: string | undefined
  readonly text: string
}

function attributeOf({ type, value }: AttributeParts): Attribute {
  const oid = dottedOf(type)
  const shortName = (attributeTypes as Readonly<Record<string, string>>)[oid]
  // the library gives NULL as null
  const der = value === null ? Buffer.of(5, 0) : Buffer.from(value)
  const text = shortName === undefined ? undefined : stringOf(der)
  const shown = text === undefined ? `#${der.toString('hex')}` : escapeValue(text)
  return { type: shortName ?? oid, value: text, text: `${shortName ?? oid}=${shown}` }
}

const encodings: Readonly<Record<number, (content: Buffer) => string | undefined>> = {
  0x0c: (content) => new TextDecoder().decode(content),
  0x12: (content) => content.toString('latin1'),
  0x13: (content) => content.toString('latin1'),
  0x14: (content) => content.toString('latin1'),
  0x16: (content) => content.toString('latin1'),
  0x1a: (content) => content.toString('latin1'),
  0x1b: (content) => content.toString('latin1'),
  0x1c: utf32,
  0x1e: (content) => (content.length % 2 === 0 ? new TextDecoder('utf-16be').decode(content) : undefined)
}

/** the text of a string type's DER, which asn1js has found well-formed; undefined for other types */
function stringOf(der: Buffer): string | undefined {
  const [tag = 0, length = 0] = der
  return encodings[tag]?.(der.subarray(length > 0x80 ? 2 + (length & 0x7f) : 2))
}

function utf32(content: Buffer): string | undefined {
  const points = Array.from({ length: content.length / 4 }, (_, at) => content.readUInt32BE(at * 4))
  const fits = content.length % 4 === 0 && points.every((point) => point <= 0x10ffff)
  return fits
    ? points
        .map((point) => String.fromCodePoint(point))
        .join('')
        .toWellFormed()
    : undefined
}

/** RFC 4514 §2.4, character by character */
function escapeValue(text: string): string {
  const characters = text.split('')
  return characters
    .map((character, at) => {
      if (character === '\0') return String.raw`\00`
      const atEdge = at === 0 ? ' #' : at === characters.length - 1 ? ' ' : ''
      return `"+,;<>\\${atEdge}`.includes(character) ? `\\${character}` : character
    })
    .join('')
}
