import { type DerReader, tags } from './der.ts'
import { attributeTypes, OidTable } from './object-ids.ts'
import { oidOf, textOf } from './values.ts'

/** A distinguished name as text. */
export interface NameText {
  /** RFC 4514, most specific first */
  readonly text: string
  /** first common name, or null */
  readonly commonName: string | null
}

const shortNames = new OidTable<string>(Object.entries(attributeTypes))

/**
 * Reads a Name (RFC 5280 §4.1.2.4) as RFC 4514 text. Values of attribute types without a short name, and values
 * that are no string, are written as # and the hex of their DER.
 */
export function readName(reader: DerReader, field: string): NameText {
  let text = ''
  let commonName: string | null = null
  const outer = reader.open(tags.sequence, field)
  while (reader.more()) {
    let rdn = ''
    const rest = reader.open(tags.set, field)
    do {
      const attribute = readAttribute(reader, field)
      if (attribute.type === 'CN') commonName ??= attribute.value ?? null
      rdn = rdn === '' ? attribute.text : `${rdn}+${attribute.text}`
    } while (reader.more())
    reader.close(rest, field)
    text = text === '' ? rdn : `${rdn},${text}`
  }
  reader.close(outer, field)
  return { text, commonName }
}

interface Attribute {
  readonly type: string
  /** the text as it stands, or undefined when it is no string */
  readonly value: string | undefined
  /** `type=value`, escaped */
  readonly text: string
}

function readAttribute(reader: DerReader, field: string): Attribute {
  const outer = reader.open(tags.sequence, field)
  reader.expect(tags.oid, field)
  const shortName = shortNames.find(reader.bytes, reader.start, reader.stop)
  const type = shortName ?? oidOf(reader, field)
  const from = reader.at
  reader.next(field)
  const value = shortName === undefined ? undefined : textOf(reader)
  const shown =
    value === undefined ? `#${reader.bytes.toString('hex', from, reader.stop)}` : escapeValue(value)
  reader.close(outer, field)
  return { type, value, text: `${type}=${shown}` }
}

const needsEscape = /["+,;<>\\\0]|^[ #]| $/
const escaped = /["+,;<>\\]|^[ #]| $/g

/** RFC 4514 §2.4; what else cannot be shown is left to whoever shows it */
function escapeValue(value: string): string {
  if (!needsEscape.test(value)) return value
  return value.replace(escaped, String.raw`\$&`).replaceAll('\0', String.raw`\00`)
}

/**
 * A key that is equal for names that RFC 5280 §7.1 calls equal: string types, case, white space at the ends and its
 * amount inside do not count; nor does the order inside a relative name.
 */
export function readNameKey(reader: DerReader, field: string): string {
  const relative: string[] = []
  const outer = reader.open(tags.sequence, field)
  while (reader.more()) {
    const parts: string[] = []
    const rest = reader.open(tags.set, field)
    while (reader.more()) parts.push(readAttributeKey(reader, field))
    reader.close(rest, field)
    relative.push(parts.sort().join('\u0001'))
  }
  reader.close(outer, field)
  return relative.join('\u0002')
}

function readAttributeKey(reader: DerReader, field: string): string {
  const outer = reader.open(tags.sequence, field)
  reader.expect(tags.oid, field)
  const type = reader.bytes.toString('hex', reader.start, reader.stop)
  const from = reader.at
  reader.next(field)
  const text = textOf(reader)
  const value = text === undefined ? `#${reader.bytes.toString('hex', from, reader.stop)}` : foldText(text)
  reader.close(outer, field)
  return `${type}=${value}`
}

function foldText(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/\s{2,}|[^\S ]/g, ' ')
}
