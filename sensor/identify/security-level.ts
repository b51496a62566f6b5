/** Where a TLV begins and ends: BER with definite lengths, as SNMP has it (RFC 3417 §8). */
interface Element {
  readonly tag: number
  readonly start: number
  readonly end: number
}

const sequence = 0x30
const report = 0xa8
const authPriv = 0x03

/**
 * May an SNMPv3 message be believed by somebody who asked with authentication and privacy? An answer at a lower level
 * must not be (RFC 3412 §7.2, step 13): anybody could have written it. Reports come without either, since they tell
 * how to ask.
 */
export function isBelievable(message: Uint8Array): boolean {
  const whole = elementAt(message, 0)
  const version = whole && elementAt(message, whole.start)
  const header = version && elementAt(message, version.end)
  const security = header && elementAt(message, header.end)
  const scoped = security && elementAt(message, security.end)
  const flags = header && headerFlags(message, header)
  if (!scoped || flags === undefined) return false
  if ((flags & authPriv) === authPriv) return true
  if (scoped.tag !== sequence) return false
  const engine = elementAt(message, scoped.start)
  const context = engine && elementAt(message, engine.end)
  return context !== undefined && elementAt(message, context.end)?.tag === report
}

/** msgFlags: the third element of the header, one byte (RFC 3412 §6.4). */
function headerFlags(message: Uint8Array, header: Element): number | undefined {
  const id = elementAt(message, header.start)
  const size = id && elementAt(message, id.end)
  const flags = size && elementAt(message, size.end)
  return flags && flags.end - flags.start === 1 ? message[flags.start] : undefined
}

function elementAt(bytes: Uint8Array, at: number): Element | undefined {
  const tag = bytes[at]
  const first = bytes[at + 1]
  if (tag === undefined || first === undefined) return undefined
  const count = first < 0x80 ? 0 : first & 0x7f
  if (count > 3) return undefined
  let length = count === 0 ? first : 0
  for (let n = 0; n < count; n++) length = length * 256 + (bytes[at + 2 + n] ?? 0)
  const start = at + 2 + count
  const end = start + length
  return end <= bytes.length ? { tag, start, end } : undefined
}
