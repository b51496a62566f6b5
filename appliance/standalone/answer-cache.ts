import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import type { AnswerCache } from '../../sensor/scan/revocation.ts'

/** how long an answer is believed at most, whatever it says itself */
const longestMs = 7 * 86_400_000
/** answers kept at most; beyond, the cache begins anew */
const most = 10_000

/**
 * Answers about revocation in a directory, one file each: its first line is the time until which it holds. What
 * cannot be read or written is asked for again; nothing is trusted for lying there.
 */
export function openAnswerCache(directory: string, clock: Clock): AnswerCache {
  const fileOf = (key: string) => join(directory, createHash('sha256').update(key).digest('hex'))
  return {
    get(key) {
      const file = fileOf(key)
      const bytes = readOr(file)
      const end = bytes?.indexOf(10) ?? -1
      if (!bytes || end < 0) return undefined
      if (Number(bytes.subarray(0, end).toString()) > clock.now()) return bytes.subarray(end + 1)
      rmSync(file, { force: true })
      return undefined
    },
    set(key, bytes, until) {
      const file = fileOf(key)
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        if (readdirSync(directory).length >= most) rmSync(directory, { recursive: true })
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        const end = Math.min(until, clock.now() + longestMs)
        writeFileSync(`${file}.new`, Buffer.concat([Buffer.from(`${end}\n`), bytes]), { mode: 0o600 })
        renameSync(`${file}.new`, file)
      } catch {
        // a cache that cannot keep is slower, not wrong
      }
    }
  }
}

/** bytes of answers that a run holds in memory: two of the largest lists that are taken */
const heldBytes = 128 << 20

/**
 * Answers that are read from `cache` once in a run: many certificates ask the same list, and the bytes that come
 * again are known to be the same. The oldest go when all together are larger than `most` bytes.
 */
export function rememberAnswers(cache: AnswerCache, most = heldBytes): AnswerCache {
  const held = new Map<string, Uint8Array>()
  let size = 0
  const drop = (key: string) => {
    size -= held.get(key)?.length ?? 0
    held.delete(key)
  }
  const hold = (key: string, bytes: Uint8Array) => {
    drop(key)
    if (bytes.length > most) return
    held.set(key, bytes)
    size += bytes.length
    for (const oldest of held.keys()) {
      if (size <= most) return
      drop(oldest)
    }
  }
  return {
    get(key) {
      const known = held.get(key) ?? cache.get(key)
      if (known && !held.has(key)) hold(key, known)
      return known
    },
    set(key, bytes, until) {
      hold(key, bytes)
      cache.set(key, bytes, until)
    }
  }
}

function readOr(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}
