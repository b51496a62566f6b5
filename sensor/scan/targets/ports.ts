import { Fault } from '../../../core/fault.ts'
import { visible } from '../../../core/text.ts'

/** Ports from the first to the last, both included. */
export type PortRange = readonly [first: number, last: number]

/** A set of ports: ranges that are ascending, disjoint and not adjacent. */
export type Ports = readonly PortRange[]

/** Every port there is. */
export const allPorts: Ports = [[1, 65_535]]

/** Sets of ports that have a name; `all` stands beside them. */
export const namedPorts = {
  default: [
    443, 8443, 21, 636, 993, 995, 465, 587, 25, 110, 143, 389, 3389, 1433, 5222, 5269, 5432, 3306, 5061, 6443,
    9443, 10_443
  ],
  web: [443, 4443, 7443, 8443, 9443, 10_443],
  mail: [25, 465, 587, 110, 995, 143, 993]
} as const satisfies Record<string, readonly number[]>

const remedy = `Write ports 1-65535, ranges such as 8000-8100, or a named set (${Object.keys(namedPorts).join(', ')}, all).`

/**
 * The ports of a list such as `default,8000-8100,-25`: numbers, ranges and named sets separated by commas. An
 * item with `-` before it is taken out, wherever it stands. Throws `port-malformed`.
 */
export function parsePorts(text: string): Ports {
  if (text.length > 100_000) throw wrong('ports', text, 'the list is too long')
  const items = text.split(',').map((item) => item.trim())
  const wanted = items.filter((item) => !item.startsWith('-')).flatMap((item) => parseItem(item, text))
  const unwanted = items
    .filter((item) => item.startsWith('-'))
    .flatMap((item) => parseItem(item.slice(1), text))
  const ports = withoutPorts(joinPorts(wanted), joinPorts(unwanted))
  if (ports.length === 0) throw wrong('ports', text, 'nothing is left of it')
  return ports
}

function parseItem(item: string, list: string): Ports {
  if (item === 'all') return allPorts
  const named = Object.entries(namedPorts).find(([name]) => name === item)
  if (named) return named[1].map((port) => [port, port])
  const match = /^(\d+)(?:-(\d+))?$/.exec(item)
  if (!match) {
    const what =
      item === '' ? 'there is an empty item' : `"${visible(item, 40)}" is no port, range or named set`
    throw wrong('ports', list, what)
  }
  const first = parsePort(match[1] ?? '')
  const last = match[2] === undefined ? first : parsePort(match[2])
  if (last < first) throw wrong('ports', item, 'the range is reversed: write the lower port first')
  return [[first, last]]
}

/** One port, 1 to 65535. Throws `port-malformed`. */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) throw wrong('port', text, 'a port is 1 to 65535')
  return port
}

function wrong(field: string, value: string, what: string): Fault {
  const shown = visible(value, 60)
  return new Fault('port-malformed', `${field} "${shown}": ${what}. ${remedy}`, { field, value: shown })
}

/** The shortest text that {@link parsePorts} reads as these ports. */
export function formatPorts(ports: Ports): string {
  return ports.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',')
}

/** The ports one by one, ascending. */
export function expandPorts(ports: Ports): number[] {
  return ports.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, at) => first + at))
}

/** How many ports there are in the set. */
export function countPorts(ports: Ports): number {
  return ports.reduce((count, [first, last]) => count + last - first + 1, 0)
}

/** Is the port one of the set? */
export function hasPort(ports: Ports, port: number): boolean {
  return ports.some(([first, last]) => first <= port && port <= last)
}

/** One set out of ranges in any order, overlapping or not. */
export function joinPorts(ranges: readonly PortRange[]): Ports {
  const joined: [number, number][] = []
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = joined.at(-1)
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else joined.push([first, last])
  }
  return joined
}

/** The ports of `from` that are not in `taken`. */
export function withoutPorts(from: Ports, taken: Ports): Ports {
  const left: PortRange[] = []
  for (const [first, last] of from) {
    let next = first
    for (const [hole, holeEnd] of taken) {
      if (holeEnd < next) continue
      if (hole > last) break
      if (hole > next) left.push([next, hole - 1])
      next = holeEnd + 1
    }
    if (next <= last) left.push([next, last])
  }
  return left
}
