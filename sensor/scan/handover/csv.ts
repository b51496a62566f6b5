import { pipeline, Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { parseAddress } from '../../../core/address.ts'
import { visible } from '../../../core/text.ts'
import { hostName } from '../targets/host-name.ts'
import { type HandoverEntry, type HandoverFile, isPort, malformed, type Place } from './entry.ts'
import { readText } from './text.ts'

/** What the columns may be called; the first line of the table names them, in any order. */
const columnNames = {
  address: ['address', 'ip'],
  host: ['host', 'hostname'],
  port: ['port'],
  name: ['name', 'sni'],
  owner: ['owner'],
  tags: ['tags']
} as const

type Column = keyof typeof columnNames
type Cells = Readonly<Partial<Record<Column, string>>>

const expectedHeader =
  'expected a first line with the columns address (or ip, host) and, if wanted, port, name (or sni), owner, tags'

/** The separator of a table by its first line; undefined when that is no header of ours. */
export function csvSeparator(firstLine: string): string | undefined {
  return [',', ';', '\t'].find((separator) =>
    firstLine.split(separator).some((word) => ['address', 'host'].includes(columnOf(word) ?? ''))
  )
}

function columnOf(word: string): Column | undefined {
  const plain = word.replaceAll('"', '').trim().toLowerCase()
  const columns = Object.entries(columnNames) as [Column, readonly string[]][]
  return columns.find(([, names]) => names.includes(plain))?.[0]
}

/**
 * Rows of a table with a header (RFC 4180; comma, semicolon or tab). An empty port means the ports of the scan;
 * a host may stand for the address; tags are parted by blanks, commas or semicolons. Other columns are passed
 * over. Throws `handover-malformed` with the line.
 */
export async function* readCsv(file: HandoverFile): AsyncGenerator<HandoverEntry> {
  const { source } = file
  const text = readText(file)
  const begin = await beginning(text)
  const delimiter = csvSeparator(begin.split(/\r?\n/, 1)[0] ?? '')
  if (delimiter === undefined) throw malformed({ source, line: 1 }, expectedHeader)
  const rows = parse({
    delimiter,
    columns: (header: string[]) => header.map(columnOf),
    info: true,
    skip_empty_lines: true,
    trim: true,
    max_record_size: 1_048_576
  })
  // an error of either side ends the loop below
  pipeline(Readable.from(chain(begin, text)), rows, () => {})
  try {
    for await (const { record, info } of rows as AsyncIterable<{ record: Cells; info: { lines: number } }>) {
      yield rowEntry(record, { source, line: info.lines })
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw malformed(
      { source, line: Number(error['lines'] ?? 1) },
      `expected a table: ${error.message}`,
      error
    )
  }
}

/** The text up to the end of its first line at least. */
async function beginning(text: AsyncGenerator<string>): Promise<string> {
  let begin = ''
  while (!begin.includes('\n') && begin.length < 65_536) {
    const next = await text.next()
    if (next.done) break
    begin += next.value
  }
  return begin
}

async function* chain(begin: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield begin
  yield* rest
}

function rowEntry(cells: Cells, place: Place): HandoverEntry {
  const host = cells.address || cells.host || ''
  const address = parseAddress(host)
  const rest = {
    port: portOf(cells.port, place),
    owner: plain(cells.owner) || null,
    tags: tagsOf(cells.tags)
  }
  if (address === undefined) return { address: null, name: namedHost(host, cells, place), ...rest }
  const name = cells.name || (parseAddress(cells.host ?? '') === undefined ? cells.host : '')
  return { address, name: name ? nameOf(name, place) : null, ...rest }
}

function namedHost(host: string, cells: Cells, place: Place): string {
  if (host === '') throw malformed(place, 'expected an address')
  const name = hostName(host)
  if (name === undefined)
    throw malformed(place, `expected an address or a host name, found "${visible(host, 60)}"`)
  if (cells.name && hostName(cells.name) !== name) {
    throw malformed(place, 'expected the address of a host that has another server name')
  }
  return name
}

function nameOf(text: string, place: Place): string {
  const name = hostName(text)
  if (name === undefined) throw malformed(place, `expected a host name, found "${visible(text, 60)}"`)
  return name
}

function portOf(text: string | undefined, place: Place): number | null {
  if (!text) return null
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (!isPort(port)) throw malformed(place, `expected a port from 1 to 65535, found "${visible(text, 40)}"`)
  return port
}

function tagsOf(text: string | undefined): string[] {
  return [...new Set(plain(text).split(/[\s,;]+/))].filter((tag) => tag !== '')
}

/** A cell without the mark that keeps a spreadsheet from running it ({@link csvCell}). */
function plain(text = ''): string {
  return text.replace(/^'(?=[=+\-@])/, '')
}
