import { Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { parseAddress } from '../../../core/address.ts'
import { Fault } from '../../../core/fault.ts'
import { visible } from '../../../core/text.ts'
import { hostName } from '../targets/host-name.ts'
import { type HandoverEntry, type HandoverFile, isPort, malformed, type Place } from './entry.ts'
import { readText } from './text.ts'

/** What the columns may be called; the first line of the table names them, in any order. */
const columnNames = {
  host: ['address', 'ip', 'host'],
  port: ['port'],
  name: ['name', 'sni'],
  owner: ['owner'],
  tags: ['tags']
} as const

type Column = keyof typeof columnNames

const expectedHeader = 'expected a first line with the columns address (or ip, host) and, if wanted, port, name (or sni), owner, tags'

/** The separator of a table by its first line; undefined when that is no header of ours. */
export function csvSeparator(firstLine: string): string | undefined {
  return [',', ';', '\t'].find((separator) => {
    const words = firstLine.split(separator).map(columnOf)
    return words.includes('host')
  })
}

function columnOf(word: string): Column | undefined {
  const plain = word.trim().replace(/^"(.*)"$/, '$1').trim().toLowerCase()
  const columns = Object.entries(columnNames) as [Column, readonly string[]][]
  return columns.find(([, names]) => names.includes(plain))?.[0]
}

/**
 * Rows of a table with a header (RFC 4180; comma, semicolon or tab). `host` may be an address or a host name;
 * an empty port means the ports of the scan; tags are parted by blanks, commas or semicolons. Other columns are
 * passed over. Throws `handover-malformed` with the line.
 */
export async function* readCsv(file: HandoverFile): AsyncGenerator<HandoverEntry> {
  const { head, text } = await withFirstLine(file)
  const separator = csvSeparator(head)
  if (separator === undefined) throw malformed({ source: file.source, line: 1 }, expectedHeader)
  const rows = Readable.from(text).compose(
    parse({
      delimiter: separator,
      columns: (header: string[]) => nameColumns(header, file.source),
      info: true,
      skip_empty_lines: true,
      trim: true,
      max_record_size: 1_048_576
    })
  )
  try {
    for await (const { record, info } of rows as AsyncIterable<Row>) {
      yield rowEntry(record, { source: file.source, line: info.lines })
    }
  } catch (error) {
    throw asMalformed(error, file.source)
  }
}

interface Row {
  readonly record: Readonly<Partial<Record<Column, string>>>
  readonly info: { readonly lines: number }
}
