import { bulk, type Disk, downloads } from './disk.ts'
import type { JsonObject } from './json.ts'
import { framework } from './refusal.ts'

/** the worker takes no more at once */
const largestChunk = 1_048_576

interface Partial {
  readonly total: number
  readonly parts: Map<number, string>
  length: number
}

/** shared file-transfer uploads: files come in chunks, in order, and lie in the downloads folder when they are whole. */
export class Uploads {
  readonly #disk: Disk
  readonly #now: () => number
  readonly #partial = new Map<string, Partial>()

  constructor(disk: Disk, now: () => number) {
    this.#disk = disk
    this.#now = now
  }

  /** Contents of files that are not whole yet. */
  get unfinished(): string[] {
    return [...this.#partial.values()].map(({ parts }) => [...parts.values()].join(''))
  }

  /** POST of a chunk: Content-Range `first-last/total`, last included. */
  take(name: string, bytes: Buffer, range: string | undefined): JsonObject {
    if (name === '' || name.includes('/') || name === '.' || name === '..') {
      throw framework(400, `Invalid file name ${name}`)
    }
    const { first, last, total } = readRange(range)
    if (bytes.length > largestChunk) {
      throw framework(400, `Chunk size ${bytes.length} is over the maximum of ${largestChunk}`)
    }
    const count = last - first + 1
    if (count !== bytes.length) {
      throw framework(
        400,
        `Chunk byte count ${count} different from received buffer length ${bytes.length}`,
        true
      )
    }
    const partial = this.#begun(name, first, total)
    partial.parts.set(first, bytes.toString('latin1'))
    partial.length += bytes.length
    const isWhole = partial.length === total
    if (isWhole) {
      this.#disk.write(`${downloads}/${name}`, [...partial.parts.values()].join(''))
      this.#partial.delete(name)
    }
    return {
      remainingByteCount: total - partial.length,
      usedChunks: Object.fromEntries([...partial.parts].map(([at, part]) => [at, part.length])),
      totalByteCount: total,
      localFilePath: `${downloads}/${name}`,
      temporaryFilePath: `${downloads}/tmp/${name}`,
      generation: 0,
      lastUpdateMicros: this.#now() * 1000
    }
  }

  /** GET shared/file-transfer/bulk: the bytes, and which they are. */
  give(name: string, range: string | undefined): { readonly bytes: Buffer; readonly range: string } {
    const content = this.#disk.read(`${bulk}/${name}`)
    if (content === null) throw framework(404, `File ${bulk}/${name} not found`)
    const bytes = Buffer.from(content, 'latin1')
    const asked = range === undefined ? null : /^(\d+)-(\d+)\/\d+$/.exec(range)
    if (range !== undefined && !asked) throw framework(400, `Invalid Content-Range header: ${range}`)
    const first = Number(asked?.[1] ?? 0)
    const last = Math.min(Number(asked?.[2] ?? bytes.length - 1), bytes.length - 1)
    return { bytes: bytes.subarray(first, last + 1), range: `${first}-${last}/${bytes.length}` }
  }

  /** The device starts anew; files stay. */
  forgetUnfinished(): void {
    this.#partial.clear()
  }

  #begun(name: string, first: number, total: number): Partial {
    // from its first byte on a file is begun anew, whatever was there
    if (first === 0) this.#partial.set(name, { total, parts: new Map(), length: 0 })
    const partial = this.#partial.get(name)
    if (!partial || partial.total !== total || partial.length !== first) {
      throw framework(400, `Invalid range for ${name}: expected ${partial?.length ?? 0}, got ${first}`)
    }
    return partial
  }
}

function readRange(range: string | undefined): { first: number; last: number; total: number } {
  if (range === undefined) throw framework(400, 'Content-Range header is required')
  const match = /^(\d+)-(\d+)\/(\d+)$/.exec(range)
  const [first, last, total] = (match ?? []).slice(1).map(Number)
  if (first === undefined || last === undefined || total === undefined || last < first || last >= total) {
    throw framework(400, `Invalid Content-Range header: ${range}`)
  }
  return { first, last, total }
}
