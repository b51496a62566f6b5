import { type DerReader, tags } from './der.ts'
import type { KeyType } from './fields.ts'
import { OidTable } from './object-ids.ts'
import { bitsOf, oidOf, smallIntegerOf } from './values.ts'

/** What a SubjectPublicKeyInfo says of its key. */
export interface KeyFacts {
  readonly keyType: KeyType
  readonly keyBits: number
  readonly curve: string | null
}

/** Where the parts of a SubjectPublicKeyInfo lie. */
interface KeyPlaces {
  readonly parametersStart: number
  readonly parametersStop: number
  readonly keyStart: number
  readonly keyStop: number
}

type KeyReader = (reader: DerReader, places: KeyPlaces) => KeyFacts

const field = 'subjectPublicKeyInfo'

const keyReaders = new OidTable<KeyReader>([
  ['1.2.840.113549.1.1.1', readRsa],
  ['1.2.840.113549.1.1.7', readRsa],
  ['1.2.840.113549.1.1.10', readRsa],
  ['1.2.840.10045.2.1', readEc],
  ['1.2.840.10040.4.1', readDsa],
  ['1.3.101.112', () => ({ keyType: 'Ed25519', keyBits: 256, curve: null })],
  ['1.3.101.113', () => ({ keyType: 'Ed448', keyBits: 456, curve: null })]
])

const otherKey: KeyFacts = { keyType: 'other', keyBits: 0, curve: null }

/** Reads a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7, RFC 3279, RFC 5480, RFC 8410), and leaves the cursor in it. */
export function readKey(reader: DerReader): KeyFacts {
  const outer = reader.open(tags.sequence, field)
  const rest = reader.open(tags.sequence, field)
  reader.expect(tags.oid, field)
  const read = keyReaders.find(reader.bytes, reader.start, reader.stop)
  const parametersStart = reader.at
  const parametersStop = reader.end
  reader.leave(rest)
  reader.expect(tags.bitString, field)
  const { start, stop } = reader
  if (start === stop) reader.fail('has no key', field)
  reader.close(outer, field)
  if (read === undefined) return otherKey
  // the first byte of a BIT STRING counts unused bits: keys have none
  return read(reader, { parametersStart, parametersStop, keyStart: start + 1, keyStop: stop })
}

function readRsa(reader: DerReader, { keyStart, keyStop }: KeyPlaces): KeyFacts {
  reader.seek(keyStart, keyStop)
  reader.open(tags.sequence, field)
  reader.expect(tags.integer, field)
  return { keyType: 'RSA', keyBits: bitsOf(reader), curve: null }
}

/** p of the parameters; a key that inherits its issuer's has none, and 0 bits */
function readDsa(reader: DerReader, { parametersStart, parametersStop }: KeyPlaces): KeyFacts {
  reader.seek(parametersStart, parametersStop)
  if (reader.ahead() !== tags.sequence) return { keyType: 'DSA', keyBits: 0, curve: null }
  reader.open(tags.sequence, field)
  reader.expect(tags.integer, field)
  return { keyType: 'DSA', keyBits: bitsOf(reader), curve: null }
}

interface Curve {
  readonly name: string | null
  readonly bits: number
}

const curves = new OidTable<Curve>([
  ['1.2.840.10045.3.1.7', { name: 'P-256', bits: 256 }],
  ['1.3.132.0.34', { name: 'P-384', bits: 384 }],
  ['1.3.132.0.35', { name: 'P-521', bits: 521 }],
  ...nameless([
    ['1.2.840.10045.3.1.1', 192],
    ['1.3.132.0.33', 224],
    ['1.3.132.0.10', 256],
    ['1.3.132.0.1', 163],
    ['1.3.132.0.15', 163],
    ['1.3.132.0.26', 233],
    ['1.3.132.0.27', 233],
    ['1.3.132.0.16', 283],
    ['1.3.132.0.17', 283],
    ['1.3.132.0.36', 409],
    ['1.3.132.0.37', 409],
    ['1.3.132.0.38', 571],
    ['1.3.132.0.39', 571],
    ...brainpool()
  ])
])

function nameless(rows: readonly (readonly [oid: string, bits: number])[]): (readonly [string, Curve])[] {
  return rows.map(([oid, bits]) => [oid, { name: null, bits }])
}

/** RFC 5639 §4.1: arcs 1 to 14, the odd ones r1, the even ones t1 */
function brainpool(): (readonly [string, number])[] {
  return [160, 192, 224, 256, 320, 384, 512].flatMap((bits, at) => [
    [`1.3.36.3.3.2.8.1.1.${2 * at + 1}`, bits],
    [`1.3.36.3.3.2.8.1.1.${2 * at + 2}`, bits]
  ])
}

function readEc(
  reader: DerReader,
  { parametersStart, parametersStop, keyStart, keyStop }: KeyPlaces
): KeyFacts {
  reader.seek(parametersStart, parametersStop)
  if (reader.ahead() === tags.oid) {
    reader.next(field)
    const curve = curves.find(reader.bytes, reader.start, reader.stop)
    const keyBits = curve?.bits ?? bitsOfPoint(reader.bytes[keyStart], keyStop - keyStart)
    return { keyType: 'ECDSA', keyBits, curve: curve?.name ?? oidOf(reader, field) }
  }
  const keyBits = reader.ahead() === tags.sequence ? bitsOfExplicitCurve(reader) : 0
  return { keyType: 'ECDSA', keyBits, curve: null }
}

/** the field of a curve that is not in the table, rounded up to bytes: a point has two coordinates, or one and a sign */
function bitsOfPoint(form: number | undefined, length: number): number {
  if (form === undefined) return 0
  return (form === 0x02 || form === 0x03 ? length - 1 : Math.floor((length - 1) / 2)) * 8
}

/** ECParameters (RFC 3279 §2.3.5): p of a prime field, m of a binary one */
function bitsOfExplicitCurve(reader: DerReader): number {
  reader.open(tags.sequence, field)
  reader.expect(tags.integer, field)
  reader.open(tags.sequence, field)
  reader.expect(tags.oid, field)
  if (reader.ahead() === tags.integer) {
    reader.next(field)
    return bitsOf(reader)
  }
  reader.open(tags.sequence, field)
  reader.expect(tags.integer, field)
  return smallIntegerOf(reader, field)
}
