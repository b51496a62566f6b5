import { createReadStream } from 'node:fs'
import { formatAddress } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import type { HandoverFormat } from '../../sensor/scan/handover/detect.ts'
import { readHandover } from '../../sensor/scan/handover/read.ts'
import type { FoundPlace } from '../functions.ts'
import { reason } from './files.ts'

/**
 * What other tools found, from files in the format of one tool, or of whatever tool they look like. Nothing is
 * given unless all of it was read. `-` is standard input. Throws `file-unreadable` and `handover-malformed`.
 */
export async function readFound(
  format: HandoverFormat | 'auto',
  files: readonly string[]
): Promise<FoundPlace[]> {
  const found: FoundPlace[] = []
  for (const file of files) {
    const source = file === '-' ? 'standard input' : file
    const entries = readHandover({ chunks: chunksOf(file), source }, format === 'auto' ? null : format)
    for await (const { address, ...rest } of entries) {
      if (found.length === most) throw tooMany(source)
      found.push({ ...rest, address: address === null ? null : formatAddress(address) })
    }
  }
  return found
}

/** Places that are handed over at most: they are held in memory until the scan begins. */
const most = 5_000_000

function tooMany(source: string): Fault {
  const message = `${source}: more than ${most} places are handed over. Split the file, or give networks instead.`
  return new Fault('target-too-large', message, { source, limit: most })
}

async function* chunksOf(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* file === '-' ? process.stdin : createReadStream(file)
  } catch (error) {
    throw new Fault(
      'file-unreadable',
      `${file} cannot be read (${reason(error)}). Check the path and its rights.`,
      { file },
      error
    )
  }
}
