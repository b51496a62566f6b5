import { closeSync, lstatSync, openSync, readSync, readFileSync, readdirSync, type Stats } from 'node:fs'
import { type KeyObject, createPrivateKey } from 'node:crypto'
import { join } from 'node:path'

/** Something that must not be found anywhere: a text or bytes, and what it is called in the result. */
export interface Sought {
  readonly name: string
  readonly value: string | Uint8Array
  /** every part of it is secret and like nothing else: its first and last bytes are sought by themselves too */
  readonly pieces?: true
}

/** Where to look; what is left out is not looked at. */
export interface Places {
  /** directories and files; directories with all that is below them, names too */
  readonly paths?: readonly string[]
  /** texts by name: outputs, logs, answers */
  readonly texts?: Readonly<Record<string, string | Uint8Array>>
  /** command lines and environments of every process that may be read */
  readonly processes?: boolean
}

/** A secret that was found. */
export interface Hit {
  readonly secret: string
  /** how it was written there */
  readonly form: string
  readonly place: string
}

/** What was looked at, and what was found in it. */
export interface SearchResult {
  readonly hits: readonly Hit[]
  /** ways to write a secret that were looked for */
  readonly forms: number
  readonly files: number
  readonly bytes: number
  readonly processes: number
}

/** Bytes below which a secret is found by chance. */
const shortest = 8
/** Bytes of a piece. A database may keep a long value in two parts; one of them holds the first or the last piece. */
const piece = 32

interface Pattern {
  readonly secret: string
  readonly form: string
  readonly bytes: Buffer
  /** the same without what {@link joinedLines} leaves out */
  readonly joined: Buffer
}

/**
 * A private key (PEM or object) as things to seek: PEM, PKCS#8, PKCS#1 or SEC1 as DER, and each private number of its
 * JWK by itself, which is what every other form of the key contains.
 */
export function soughtKey(name: string, key: KeyObject | string): Sought[] {
  const object = typeof key === 'string' ? createPrivateKey(key) : key
  const found: Sought[] = []
  if (typeof key === 'string') found.push({ name: `${name} as given`, value: key.trim() })
  const traditional = object.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'sec1'
  const types = [
    'pkcs8',
    ...(['rsa', 'ec'].includes(object.asymmetricKeyType ?? '') ? [traditional] : [])
  ] as const
  for (const type of types as readonly ('pkcs8' | 'pkcs1' | 'sec1')[]) {
    found.push({
      name: `${name} PEM ${type}`,
      value: object.export({ type, format: 'pem' }).toString().trim()
    })
    found.push({ name: `${name} DER ${type}`, value: object.export({ type, format: 'der' }) })
  }
  const jwk = object.export({ format: 'jwk' }) as Record<string, unknown>
  for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi']) {
    const value = jwk[member]
    if (typeof value === 'string')
      found.push({ name: `${name} ${member}`, value: Buffer.from(value, 'base64url'), pieces: true })
  }
  return found
}

/** Looks for every secret in every form: raw, hex, base64 and base64url at each alignment, UTF-16LE, escaped. */
export function searchSecrets(secrets: readonly Sought[], places: Places): SearchResult {
  const patterns = secrets.flatMap(patternsOf)
  const found = new Map<string, Hit>()
  const count = { files: 0, bytes: 0, processes: 0 }
  const look = (place: string, bytes: Buffer): void => {
    count.bytes += bytes.length
    for (const { secret, form } of hitsIn(patterns, bytes)) {
      found.set(`${secret}\0${form}\0${place}`, { secret, form, place })
    }
  }
  for (const [name, text] of Object.entries(places.texts ?? {})) look(name, Buffer.from(text))
  for (const path of places.paths ?? []) {
    for (const { path: one, stats } of below(path)) {
      look(`the name ${one}`, Buffer.from(one))
      if (!stats.isFile()) continue
      count.files++
      eachPart(one, (part) => look(one, part))
    }
  }
  if (places.processes) {
    for (const { place, bytes } of processes()) {
      count.processes++
      look(place, bytes)
    }
  }
  return { hits: [...found.values()], forms: new Set(patterns.map(({ form }) => form)).size, ...count }
}

/** Every form of one secret, as bytes to look for. */
function patternsOf({ name, value, pieces }: Sought): Pattern[] {
  const whole = Buffer.from(value)
  if (whole.length < shortest) throw new Error(`${name} is too short to be looked for: it is found by chance`)
  const forms = new Map<string, Buffer>()
  const add = (form: string, bytes: Buffer | string) => forms.set(form, Buffer.from(bytes))
  if (typeof value === 'string') {
    add('JSON', JSON.stringify(value).slice(1, -1))
    add('URL', encodeURIComponent(value))
    add('UTF-16LE', Buffer.from(value, 'utf16le'))
  }
  const isCut = pieces && whole.length > 2 * piece
  const parts = isCut ? [whole, whole.subarray(0, piece), whole.subarray(-piece)] : [whole]
  for (const [at, part] of parts.entries()) {
    const which = ['', ', its beginning', ', its end'][at] ?? ''
    for (const [form, bytes] of encodings(part)) add(form + which, bytes)
  }
  return [...forms].map(([form, bytes]) => ({ secret: name, form, bytes, joined: joinedLines(bytes) }))
}

function* encodings(bytes: Buffer): Generator<readonly [form: string, bytes: Buffer]> {
  yield ['raw', bytes]
  const hex = bytes.toString('hex')
  yield* texts('hex', hex)
  yield* texts('upper-case hex', hex.toUpperCase())
  for (const shift of [0, 1, 2]) {
    const text = alignedBase64(bytes, shift)
    yield* texts(`base64 at ${shift}`, text)
    yield* texts(`base64url at ${shift}`, text.replaceAll('+', '-').replaceAll('/', '_'))
  }
}

function* texts(form: string, text: string): Generator<readonly [form: string, bytes: Buffer]> {
  yield [form, Buffer.from(text)]
  yield [`${form} in UTF-16LE`, Buffer.from(text, 'utf16le')]
}

/** The characters that base64 has for these bytes, whatever stands around them, `shift` bytes after a multiple of 3. */
function alignedBase64(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
  return text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6))
}

function hitsIn(patterns: readonly Pattern[], bytes: Buffer): Pattern[] {
  // PEM, hex dumps and JSON break long texts into lines, or put colons between bytes
  const joined = joinedLines(bytes)
  return patterns.filter(
    (one) => bytes.includes(one.bytes) || (one.joined.length >= shortest && joined.includes(one.joined))
  )
}

const backslash = 0x5c
const breaks = new Set([0x09, 0x0a, 0x0d, 0x20, 0x3a])

/** Without white space, colons, and \n and \r as JSON writes them. */
function joinedLines(bytes: Buffer): Buffer {
  const result = Buffer.allocUnsafe(bytes.length)
  let length = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (breaks.has(byte)) continue
    const next = bytes[at + 1]
    if (byte === backslash && (next === 0x6e || next === 0x72)) at++
    else result[length++] = byte
  }
  return result.subarray(0, length)
}

const partSize = 8 << 20
/** more than the longest form of a secret, with its line breaks */
const overlap = 64 << 10

/** A file in parts that overlap, so that memory stays flat. */
function eachPart(path: string, look: (part: Buffer) => void): void {
  const file = openSync(path, 'r')
  try {
    const buffer = Buffer.allocUnsafe(partSize)
    for (let at = 0; ; at += partSize - overlap) {
      const length = readSync(file, buffer, 0, partSize, at)
      if (length === 0) return
      look(buffer.subarray(0, length))
      if (length < partSize) return
    }
  } finally {
    closeSync(file)
  }
}

/** A path and everything below it; links are not followed. */
function* below(path: string): Generator<{ path: string; stats: Stats }> {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (!stats) return
  yield { path, stats }
  if (!stats.isDirectory()) return
  for (const name of readdirSync(path)) yield* below(join(path, name))
}

function* processes(): Generator<{ place: string; bytes: Buffer }> {
  for (const id of readdirSync('/proc')) {
    if (!/^\d+$/.test(id)) continue
    for (const what of ['cmdline', 'environ']) {
      const place = `/proc/${id}/${what}`
      const bytes = readIfThere(place)
      if (bytes) yield { place, bytes }
    }
  }
}

/** undefined for a process that has ended, or belongs to somebody else */
function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}
