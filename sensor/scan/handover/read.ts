import { Fault } from '../../../core/fault.ts'
import { readCsv } from './csv.ts'
import { detectFormat, detectionBytes, handoverFormats, type HandoverFormat } from './detect.ts'
import type { Chunks, HandoverEntry, HandoverFile } from './entry.ts'
import { readMasscanJson, readMasscanList } from './masscan.ts'
import { readNmap } from './nmap.ts'
import { readTlsward } from './tlsward.ts'
import { readTlsx } from './tlsx.ts'
import { readZgrab2 } from './zgrab2.ts'

const readers: Readonly<Record<HandoverFormat, (file: HandoverFile) => AsyncIterable<HandoverEntry>>> = {
  nmap: readNmap,
  masscan: readMasscanJson,
  'masscan-list': readMasscanList,
  tlsx: readTlsx,
  zgrab2: readZgrab2,
  tlsward: readTlsward,
  csv: readCsv
}

/**
 * What another tool's output, or a table, hands over, entry by entry and in bounded memory. Without `format` the
 * first bytes tell it. Throws `handover-malformed` with the line and what was expected there; an entry before
 * that is good, so read all of them before you begin anything.
 */
export async function* readHandover(
  file: HandoverFile,
  format: HandoverFormat | null
): AsyncGenerator<HandoverEntry> {
  const { head, chunks } = await withHead(file.chunks)
  const known = format ?? detectFormat(head)
  if (known === undefined || isCompressed(head)) throw unknownFormat(file.source, head)
  yield* readers[known]({ chunks, source: file.source })
}

/** The first bytes, and the whole again. */
async function withHead(chunks: Chunks): Promise<{ head: Uint8Array; chunks: AsyncIterable<Uint8Array> }> {
  const rest = toAsync(chunks)
  const read: Uint8Array[] = []
  let length = 0
  while (length < detectionBytes) {
    const next = await rest.next()
    if (next.done) break
    read.push(next.value)
    length += next.value.length
  }
  return { head: Buffer.concat(read).subarray(0, detectionBytes), chunks: chain(read, rest) }
}

async function* toAsync(chunks: Chunks): AsyncGenerator<Uint8Array> {
  yield* chunks
}

async function* chain(
  read: readonly Uint8Array[],
  rest: AsyncIterable<Uint8Array>
): AsyncGenerator<Uint8Array> {
  yield* read
  yield* rest
}

function isCompressed(head: Uint8Array): boolean {
  const gzip = head[0] === 0x1f && head[1] === 0x8b
  const zstd = head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f
  return gzip || zstd
}

function unknownFormat(source: string, head: Uint8Array): Fault {
  const what =
    head.length === 0
      ? 'the file is empty'
      : isCompressed(head)
        ? 'the file is compressed: unpack it first'
        : 'its format is not recognised'
  const formats = Object.keys(handoverFormats).join(', ')
  const message = `${source}: ${what}. Name the format with --from (${formats}) if it is one of these.`
  return new Fault('handover-malformed', message, { source, line: 1 })
}
