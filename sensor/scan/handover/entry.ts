import { type Address, parseAddress } from '../../../core/address.ts'
import { Fault } from '../../../core/fault.ts'
import { visible } from '../../../core/text.ts'
import { hostName } from '../targets/host-name.ts'

/** One open port (or one host to look at) that another tool, or a table, hands over. */
export type HandoverEntry = {
  /** null: the ports of the scan */
  readonly port: number | null
  /** who is responsible, and words to find it by; only a table says */
  readonly owner: string | null
  readonly tags: readonly string[]
} & (
  | { readonly address: Address; readonly name: string | null }
  // known by name only: a resolver has to say where it is
  | { readonly address: null; readonly name: string }
)

/** Bytes of a file or of standard input. */
export type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** A file that is read: `source` is how messages call it. */
export interface HandoverFile {
  readonly chunks: Chunks
  readonly source: string
}

/** A place in a file, counted from 1. */
export interface Place {
  readonly source: string
  readonly line: number
  readonly column?: number
}

/** The fault for a file that is not what it should be. */
export function malformed(place: Place, what: string, cause?: unknown): Fault {
  const { source, line, column } = place
  const at = column === undefined ? `line ${line}` : `line ${line}, column ${column}`
  return new Fault(
    'handover-malformed',
    `${source}, ${at}: ${what}. Nothing of it was taken over. Write the file again with the tool, or name its format with --from.`,
    { ...place },
    cause
  )
}

/** What a record of a tool says, in its own words. */
export interface RawEntry {
  /** an address or a host name */
  readonly host: string
  /** server name, where it is known; what is no host name is left out */
  readonly name?: string | null | undefined
  readonly port: number | null
}

/** The entry of a tool's record. Throws `handover-malformed` at `place`. */
export function entryOf({ host, name, port }: RawEntry, place: Place): HandoverEntry {
  if (port !== null && !isPort(port)) throw malformed(place, `expected a port from 1 to 65535, found ${port}`)
  const address = parseAddress(host)
  const given = name ? (hostName(name) ?? null) : null
  const rest = { port, owner: null, tags: [] }
  if (address !== undefined) return { address, name: given, ...rest }
  const own = hostName(host)
  if (own !== undefined) return { address: null, name: own, ...rest }
  throw malformed(place, `expected an address or a host name, found "${visible(host, 60)}"`)
}

/** Is it a TCP port that can be asked? */
export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535
}
