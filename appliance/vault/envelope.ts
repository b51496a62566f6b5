import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import type { Random } from '../../core/random.ts'

// A sealed blob, format 1: format (1 byte), key version (4 bytes, big-endian), IV (12), ciphertext, tag (16).
// AES-256-GCM with a random IV: NIST SP 800-38D §8.3 allows 2^32 of them under one key.
const format = 1
const cipher = 'aes-256-gcm'
const headerLength = 5
const ivLength = 12
const tagLength = 16

/** Bytes of a key that seals. */
export const keyLength = 32

/** What seals: a key of 256 bits and its version, which the blob names. */
export interface SealingKey {
  readonly version: number
  readonly key: KeyObject
}

/** What a blob belongs to. It is not in the blob, but no other blob opens in its place. */
export type About = readonly [what: string, ...more: string[]]

/** Seals bytes so that they open with the same key, and for the same `about`, only. */
export function seal({ version, key }: SealingKey, plain: Uint8Array, about: About, random: Random): Buffer {
  const header = Buffer.alloc(headerLength)
  header.writeUInt8(format)
  header.writeUInt32BE(version, 1)
  const iv = random.bytes(ivLength)
  const sealing = createCipheriv(cipher, key, iv, { authTagLength: tagLength })
  sealing.setAAD(associated(header, about))
  const text = Buffer.concat([sealing.update(plain), sealing.final()])
  return Buffer.concat([header, iv, text, sealing.getAuthTag()])
}

/** What was sealed, or undefined when the blob was altered, is cut, or belongs to another key or `about`. */
export function unseal({ version, key }: SealingKey, blob: Uint8Array, about: About): Buffer | undefined {
  const bytes = Buffer.from(blob)
  if (keyVersionOf(bytes) !== version) return undefined
  const header = bytes.subarray(0, headerLength)
  const iv = bytes.subarray(headerLength, headerLength + ivLength)
  const opening = createDecipheriv(cipher, key, iv, { authTagLength: tagLength })
  opening.setAAD(associated(header, about))
  opening.setAuthTag(bytes.subarray(-tagLength))
  const text = opening.update(bytes.subarray(headerLength + ivLength, -tagLength))
  try {
    opening.final()
    return text
  } catch {
    text.fill(0)
    return undefined
  }
}

/** Version of the key that a blob says it was sealed by; undefined when it is no blob of a known format. */
export function keyVersionOf(blob: Uint8Array): number | undefined {
  const bytes = Buffer.from(blob)
  if (bytes.length < headerLength + ivLength + tagLength || bytes[0] !== format) return undefined
  return bytes.readUInt32BE(1)
}

/** Unambiguous: no two lists of words have the same JSON. */
function associated(header: Buffer, about: About): Buffer {
  return Buffer.concat([header, Buffer.from(JSON.stringify(about))])
}
