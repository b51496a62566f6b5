import type { TSchema, Static } from 'typebox'
import { Fault } from '../../../core/fault.ts'
import { parser } from '../../../core/schema.ts'
import { type HandoverFile, malformed, type Place } from './entry.ts'
import { readText } from './text.ts'

/** One object at the top level of the file, or of the array that the file is. */
export interface JsonText {
  readonly text: string
  readonly place: Place
}

/** A record as the schema has it, and where it stands. */
export interface JsonRecord<T> {
  readonly value: T
  readonly place: Place
}

// beyond what a record with a whole certificate chain takes, in either tool
const longestRecord = 16_777_216

/**
 * The records of a JSON file that fit `schema`, one at a time: one object per line, objects that are spread over
 * lines, or an array of them. Throws `handover-malformed`. What `skip` knows is left out unread.
 */
export async function* readRecords<const S extends TSchema>(
  file: HandoverFile,
  schema: S,
  skip: (text: string) => boolean = () => false
): AsyncGenerator<JsonRecord<Static<S>>> {
  const parse = parser(schema, 'handover-malformed')
  for await (const { text, place } of splitObjects(file)) {
    if (skip(text)) continue
    yield { value: checked(() => parse(parseJson(text, place)), place), place }
  }
}

function checked<T>(parse: () => T, place: Place): T {
  try {
    return parse()
  } catch (thrown) {
    if (!(thrown instanceof Fault) || 'line' in thrown.facts) throw thrown
    throw malformed(place, `the record is not as expected: ${thrown.message}`, thrown)
  }
}

function parseJson(text: string, place: Place): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const message = error instanceof Error ? error.message : ''
    const [, line, column] = /\(line (\d+) column (\d+)\)/.exec(message) ?? []
    if (line === undefined) throw malformed(place, 'expected a JSON object', error)
    const inside = {
      source: place.source,
      line: place.line + Number(line) - 1,
      column: Number(column) + (line === '1' ? (place.column ?? 1) - 1 : 0)
    }
    throw malformed(inside, message.replace(/ in JSON at position.*$/s, ''), error)
  }
}

/** Cuts the text into top-level objects without reading what is in them. */
async function* splitObjects(file: HandoverFile): AsyncGenerator<JsonText> {
  const splitter = new ObjectSplitter(file.source)
  for await (const chunk of readText(file)) yield* splitter.take(chunk)
  splitter.end()
}

class ObjectSplitter {
  readonly #source: string
  #line = 1
  #column = 0
  #array: 'none' | 'open' | 'closed' = 'none'
  #depth = 0
  #inString = false
  #escaped = false
  #begun = ''
  #beginsAt: Place

  constructor(source: string) {
    this.#source = source
    this.#beginsAt = this.#here()
  }

  *take(chunk: string): Generator<JsonText> {
    let from = 0
    for (let at = 0; at < chunk.length; at++) {
      const code = chunk.charCodeAt(at)
      this.#column++
      if (this.#depth > 0) {
        this.#step(code)
        if (this.#depth === 0) {
          yield { text: this.#begun + chunk.slice(from, at + 1), place: this.#beginsAt }
          this.#begun = ''
        }
      } else if (code === 0x7b) {
        if (this.#array === 'closed') throw this.#unexpected('{')
        this.#depth = 1
        this.#beginsAt = this.#here()
        from = at
      } else this.#between(chunk[at] as string)
      if (code === 0x0a) {
        this.#line++
        this.#column = 0
      }
    }
    if (this.#depth > 0) this.#begun += chunk.slice(from)
    if (this.#begun.length > longestRecord)
      throw malformed(this.#beginsAt, 'the record that begins here does not end')
  }

  end(): void {
    if (this.#depth > 0)
      throw malformed(this.#beginsAt, 'the record that begins here does not end: the file is cut off')
    if (this.#array === 'open') throw malformed(this.#here(), 'expected ] at the end: the file is cut off')
  }

  #here(): Place {
    return { source: this.#source, line: this.#line, column: Math.max(1, this.#column) }
  }

  #step(code: number): void {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false
      else if (code === 0x5c) this.#escaped = true
      else if (code === 0x22) this.#inString = false
      return
    }
    if (code === 0x22) this.#inString = true
    else if (code === 0x7b || code === 0x5b) this.#depth++
    else if (code === 0x7d || code === 0x5d) this.#depth--
  }

  #between(char: string): void {
    if (char === ' ' || char === '\n' || char === '\r' || char === '\t') return
    if (char === '[' && this.#array === 'none') this.#array = 'open'
    else if (char === ']' && this.#array === 'open') this.#array = 'closed'
    else if (char !== ',' || this.#array !== 'open') throw this.#unexpected(char)
  }

  #unexpected(char: string): Fault {
    return malformed(this.#here(), `expected a JSON object, found ${JSON.stringify(char)}`)
  }
}
