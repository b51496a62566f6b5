import { type Address, parseAddress } from '../../../core/address.ts'
import { Fault, type FaultCode } from '../../../core/fault.ts'
import { visible } from '../../../core/text.ts'
import { hostName } from './host-name.ts'
import { parsePorts, type Ports } from './ports.ts'
import { formatRange, type NameTarget, type RangeTarget } from './target.ts'

/** Addresses of one IPv6 network that are swept at most: a /112. */
const ipv6Limit = 65_536n

/**
 * One target: an address, a network `10.0.0.0/24`, a range `10.0.0.1-10.0.3.9` or `10.0.0.1-9`, or a host
 * name, each with ports of its own behind a colon if wanted (`host:8000-8010,443`, IPv6 in brackets). A
 * network whose address has host bits set is read as the whole network, with a note.
 *
 * Throws `target-malformed`, `target-reversed`, `port-malformed`, and `target-ipv6-range` for more IPv6
 * addresses than can be swept.
 */
export function parseTarget(text: string): RangeTarget | NameTarget {
  const target = parseExclusion(text)
  if (target.kind === 'range' && typeof target.first === 'bigint' && span(target) > ipv6Limit) {
    throw wrong('target-ipv6-range', text, [
      'an IPv6 network or range of more than 65,536 addresses (a /112) cannot be swept',
      'Give a list of hosts: a file of addresses, DNS names, or the output of another tool.'
    ])
  }
  return target
}

/** As {@link parseTarget}, of any size: what is excluded is not swept. An IPv6 network covers IPv6 only. */
export function parseExclusion(text: string): RangeTarget | NameTarget {
  const whole = text.trim()
  if (whole.length > 4096) throw wrong('target-malformed', whole, ['it is too long', forms])
  const { host, ports } = splitPorts(whole)
  const range = parseRange(host, whole)
  if (range) return { kind: 'range', ...range, ports }
  const name = hostName(host)
  if (name === undefined) throw wrong('target-malformed', whole, whyNoName(host))
  return { kind: 'name', name, ports }
}

function span(range: RangeTarget): bigint {
  return BigInt(range.last) - BigInt(range.first) + 1n
}

const forms = 'Write an address, a network a/24, a range a-b, a host name, or host:port.'

type Advice = readonly [what: string, remedy: string]

function wrong(code: FaultCode, value: string, [what, remedy]: Advice): Fault {
  const shown = visible(value, 80)
  return new Fault(code, `target "${shown}": ${what}. ${remedy}`, { field: 'target', value: shown })
}

// IPv6 has two colons at least, so one colon alone parts host and ports
function splitPorts(whole: string): { host: string; ports: Ports | null } {
  const bracketed = /^\[([^[\]]*)\](?::(.*))?$/s.exec(whole)
  if (bracketed) {
    const [, host = '', list] = bracketed
    if (!host.includes(':')) throw wrong('target-malformed', whole, ['brackets are for IPv6 only', forms])
    return { host, ports: list === undefined ? null : parsePorts(list) }
  }
  const colon = whole.indexOf(':')
  if (whole.includes('://')) {
    throw wrong('target-malformed', whole, ['a URL is no target', 'Write the host and port of it: host:443.'])
  }
  if (colon < 0 || whole.includes(':', colon + 1)) return { host: whole, ports: null }
  return { host: whole.slice(0, colon), ports: parsePorts(whole.slice(colon + 1)) }
}

type Range = Pick<RangeTarget, 'first' | 'last' | 'note'>

function parseRange(host: string, whole: string): Range | undefined {
  const address = parseAddress(host)
  if (address !== undefined) return { first: address, last: address, note: null }
  const slash = host.indexOf('/')
  if (slash >= 0) return parseNetwork(host.slice(0, slash), host.slice(slash + 1), whole)
  const dash = host.indexOf('-')
  const numeric = host.includes(':') || /^[\d.-]+$/.test(host)
  if (dash < 0 || !numeric) return undefined
  return parseSpan(host.slice(0, dash), host.slice(dash + 1), whole)
}

function parseNetwork(base: string, prefix: string, whole: string): Range {
  const address = parseAddress(base)
  if (address === undefined) throw wrong('target-malformed', whole, whyNoAddress(base))
  const mapped = typeof address === 'number' && base.includes(':')
  const [width, least] = typeof address === 'number' && !mapped ? [32, 0] : [128, mapped ? 96 : 0]
  const bits = /^(0|[1-9]\d{0,2})$/.test(prefix) ? Number(prefix) : -1
  if (bits < least || bits > width) {
    const kind = mapped ? 'IPv4-mapped' : width === 32 ? 'IPv4' : 'IPv6'
    throw wrong('target-malformed', whole, [
      `the prefix length of an ${kind} network is ${least} to ${width}`,
      `Write e.g. ${width === 32 ? '10.0.0.0/24' : mapped ? '10.0.0.0/24' : '2001:db8::/120'}.`
    ])
  }
  return network(address, width - bits, whole)
}

function network(address: Address, hostBits: number, whole: string): Range {
  const size = 2n ** BigInt(hostBits)
  const start = BigInt(address) - (BigInt(address) % size)
  const [first, last] =
    typeof address === 'number' ? [Number(start), Number(start + size - 1n)] : [start, start + size - 1n]
  const note =
    first === address
      ? null
      : `target "${visible(whole, 80)}" is read as the whole network ${formatRange(first, last)}`
  return { first, last, note }
}

function parseSpan(from: string, to: string, whole: string): Range {
  const first = parseAddress(from)
  if (first === undefined) throw wrong('target-malformed', whole, whyNoAddress(from))
  const short = typeof first === 'number' && !from.includes(':') && /^\d+$/.test(to)
  const last = parseAddress(short ? from.replace(/\d+$/, to) : to)
  if (last === undefined) throw wrong('target-malformed', whole, whyNoAddress(to))
  if (typeof first !== typeof last) {
    throw wrong('target-malformed', whole, ['a range is of one family, IPv4 or IPv6', forms])
  }
  if (last < first) {
    const turned = short ? 'the last part is the higher one' : `${to}-${from}`
    throw wrong('target-reversed', whole, [
      'the range is reversed',
      `Write the lower address first: ${visible(turned, 80)}.`
    ])
  }
  return { first, last, note: null }
}

function whyNoAddress(text: string): Advice {
  const shown = visible(text, 60)
  if (/^[\d.]+$/.test(text) && /(^|\.)0\d/.test(text)) {
    return [
      `"${shown}" has leading zeros, which some tools read as octal`,
      'Write each part without them: 10.0.0.1.'
    ]
  }
  if (text.includes('%')) return [`"${shown}" has a zone`, 'Write the address without %zone.']
  return [`"${shown}" is no IPv4 or IPv6 address`, forms]
}

function whyNoName(host: string): Advice {
  if (host === '') return ['it is empty', forms]
  if (host.includes(':') || /^[\d.-]+$/.test(host)) return whyNoAddress(host)
  if (host.startsWith('*.')) return ['a wildcard names no host', 'Write the host names themselves.']
  return [`"${visible(host, 60)}" is neither an address nor a host name`, forms]
}
