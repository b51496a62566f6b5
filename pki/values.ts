import { type DerReader, tags } from './der.ts'

/** Lower-case hex of the content of the element read last. */
export function hexOf(reader: DerReader): string {
  return reader.bytes.toString('hex', reader.start, reader.stop)
}

/** The content of the element read last, one character a byte (ISO 8859-1). */
export function latin1Of(reader: DerReader): string {
  return reader.bytes.toString('latin1', reader.start, reader.stop)
}

/** The INTEGER read last as hex of whole bytes, without leading zero bytes; a negative one as it stands. */
export function serialOf(reader: DerReader, field: string): string {
  if (reader.start === reader.stop) reader.fail('is an empty INTEGER', field)
  let from = reader.start
  while (from < reader.stop - 1 && reader.bytes[from] === 0) from++
  return reader.bytes.toString('hex', from, reader.stop)
}

/** The INTEGER read last, which must lie in 0 … 2^31 − 1. */
export function smallIntegerOf(reader: DerReader, field: string): number {
  const { bytes, start, stop } = reader
  if (stop - start > 4) reader.fail('is too large a number', field)
  if (start === stop || (bytes[start] as number) > 0x7f) reader.fail('is not a number from zero', field)
  return bytes.readUIntBE(start, stop - start)
}

/** Bits of the INTEGER read last, taken as unsigned: the size of a modulus. */
export function bitsOf(reader: DerReader): number {
  const { bytes, stop } = reader
  let from = reader.start
  while (from < stop && bytes[from] === 0) from++
  return from === stop ? 0 : (stop - from) * 8 - (Math.clz32(bytes[from] as number) - 24)
}

/** The BOOLEAN read last; any value but zero is true, as old encoders wrote 1. */
export function booleanOf(reader: DerReader, field: string): boolean {
  if (reader.stop - reader.start !== 1) reader.fail('is not one byte', field)
  return reader.bytes[reader.start] !== 0
}

// an arc of 128 bits (UUIDs under 2.25) takes 19 bytes
const maxArcBytes = 19

/** The dotted text of the OBJECT IDENTIFIER read last. */
export function oidOf(reader: DerReader, field: string): string {
  const { bytes, start, stop } = reader
  if (start === stop || (bytes[stop - 1] as number) > 0x7f)
    reader.fail('has a broken object identifier', field)
  let dotted = ''
  for (let at = start; at < stop; at++) {
    const from = at
    if (bytes[from] === 0x80) reader.fail('has a broken object identifier', field)
    while ((bytes[at] as number) > 0x7f) at++
    if (at - from >= maxArcBytes) reader.fail('has an object identifier with too large a part', field)
    dotted += from === start ? firstArcs(bytes, from, at) : `.${arc(bytes, from, at)}`
  }
  return dotted
}

function arc(bytes: Buffer, from: number, to: number): number | bigint {
  if (to - from < 7) {
    let value = 0
    for (let at = from; at <= to; at++) value = value * 128 + ((bytes[at] as number) & 0x7f)
    return value
  }
  let value = 0n
  for (let at = from; at <= to; at++) value = (value << 7n) | BigInt((bytes[at] as number) & 0x7f)
  return value
}

function firstArcs(bytes: Buffer, from: number, to: number): string {
  const value = arc(bytes, from, to)
  if (value < 40) return `0.${value}`
  if (value < 80) return `1.${Number(value) - 40}`
  return `2.${typeof value === 'bigint' ? value - 80n : value - 80}`
}

/**
 * The text of the string element read last, or undefined when it is no string or its bytes fit no characters.
 * T61String is read as ISO 8859-1, as everybody writes it; broken UTF-8 shows as U+FFFD.
 */
export function textOf(reader: DerReader): string | undefined {
  switch (reader.tag) {
    case tags.utf8String:
      return reader.bytes.toString('utf8', reader.start, reader.stop)
    case tags.printableString:
    case tags.ia5String:
    case tags.t61String:
    case tags.numericString:
    case tags.visibleString:
    case tags.generalString:
      return latin1Of(reader)
    case tags.bmpString:
      return utf16Of(reader)
    case tags.universalString:
      return utf32Of(reader)
    default:
      return undefined
  }
}

function utf16Of({ bytes, start, stop }: DerReader): string | undefined {
  if ((stop - start) % 2 !== 0) return undefined
  return Buffer.from(bytes.subarray(start, stop)).swap16().toString('utf16le').toWellFormed()
}

function utf32Of({ bytes, start, stop }: DerReader): string | undefined {
  if ((stop - start) % 4 !== 0) return undefined
  let text = ''
  for (let at = start; at < stop; at += 4) {
    const point = bytes.readUInt32BE(at)
    if (point > 0x10ffff) return undefined
    text += String.fromCodePoint(point)
  }
  return text.toWellFormed()
}
