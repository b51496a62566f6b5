import ipaddr from 'ipaddr.js'

/**
 * An IP address as a value: IPv4 as a number (0 … 2^32 − 1), IPv6 as a bigint. Both are exact Map keys.
 * An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) is the IPv4 address, so that an exclusion of the one holds
 * for the other.
 */
export type Address = number | bigint

const ipv4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/

/**
 * The address written in `text`, or undefined. IPv4 in four decimal parts without leading zeros (010.0.0.1
 * means different hosts to different tools), IPv6 in any form of RFC 4291 without a zone.
 */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) return parseIpv4(text)
  const groups = withoutDottedTail(text)
  if (groups === undefined || groups.includes('%') || !ipaddr.IPv6.isValid(groups)) return undefined
  return fromBytes(Uint8Array.from(ipaddr.IPv6.parse(groups).toByteArray()))
}

function parseIpv4(text: string): number | undefined {
  const parts = ipv4.exec(text)
  if (!parts) return undefined
  let value = 0
  for (const part of parts.slice(1)) {
    if ((part.length > 1 && part.startsWith('0')) || Number(part) > 255) return undefined
    value = value * 256 + Number(part)
  }
  return value
}

// ipaddr.js reads an octal or hexadecimal tail, and takes ::192.0.2.1 for the IPv4 address, which it is not
// (RFC 4291 §2.5.5.1): it gets to see hexadecimal groups only
function withoutDottedTail(text: string): string | undefined {
  if (!text.includes('.')) return text
  const cut = text.lastIndexOf(':') + 1
  const tail = parseIpv4(text.slice(cut))
  return tail === undefined
    ? undefined
    : `${text.slice(0, cut)}${(tail >>> 16).toString(16)}:${(tail & 0xffff).toString(16)}`
}

/** The canonical text: dotted decimal, or RFC 5952 for IPv6. */
export function formatAddress(address: Address): string {
  if (typeof address === 'number') {
    return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`
  }
  return new ipaddr.IPv6([...addressBytes(address)]).toRFC5952String()
}

/** The 4 or 16 bytes of the address, most significant first. */
export function addressBytes(address: Address): Uint8Array {
  if (typeof address === 'number') {
    return Uint8Array.of(address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255)
  }
  const bytes = new Uint8Array(16)
  for (let rest = address, at = 15; at >= 0; at--, rest >>= 8n) bytes[at] = Number(rest & 255n)
  return bytes
}

/** The address of 4 or 16 bytes; IPv4-mapped IPv6 becomes IPv4. */
export function fromBytes(bytes: Uint8Array): Address {
  if (bytes.length === 4) return bytes.reduce((value, byte) => value * 256 + byte, 0)
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  return value >> 32n === 0xffffn ? Number(value & 0xffff_ffffn) : value
}

/** The key of the network whose load is counted together: the /24 of an IPv4, the /64 of an IPv6 address. */
export function subnetOf(address: Address): Address {
  return typeof address === 'number' ? address >>> 8 : address >> 64n
}

/** `address:port`, with brackets around IPv6 (RFC 3986 §3.2.2). */
export function formatEndpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
