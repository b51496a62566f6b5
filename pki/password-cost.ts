import { DerReader, type DerSubject, tags } from './der.ts'
import { OidTable } from './object-ids.ts'

/**
 * Rounds of key derivation that one file may ask for in all. OpenSSL makes 2,048 and Windows 2,000 by default,
 * careful people up to 600,000; a hostile file would keep the process busy for hours.
 */
export const maxIterations = 1_000_000

const keySubject: DerSubject = {
  name: 'encrypted private key',
  remedy: 'Give one PKCS#8 key, PEM.',
  maxBytes: 1 << 20
}

const kinds = new OidTable<'pbes2' | 'scrypt'>([
  ['1.2.840.113549.1.5.13', 'pbes2'],
  ['1.3.6.1.4.1.11591.4.11', 'scrypt']
])

/**
 * Rounds that opening an EncryptedPrivateKeyInfo (RFC 5958 §3) takes, by PBES2 with PBKDF2 (RFC 8018 §A.2) or by a
 * scheme of PKCS#5 or PKCS#12 whose parameters are a salt and a count. scrypt (RFC 7914 §7) counts as N × r × p / 8:
 * its rounds cost memory too, of which OpenSSL takes 32 MiB at most. Throws a Fault certificate-malformed.
 */
export function iterationsOfEncryptedKey(der: Uint8Array): number {
  const reader = new DerReader(der, keySubject)
  reader.open(tags.sequence, 'EncryptedPrivateKeyInfo')
  reader.open(tags.sequence, 'encryptionAlgorithm')
  reader.expect(tags.oid, 'encryptionAlgorithm')
  const isPbes2 = kinds.find(reader.bytes, reader.start, reader.stop) === 'pbes2'
  reader.open(tags.sequence, 'parameters')
  if (!isPbes2) return countBehindSalt(reader, 1)
  reader.open(tags.sequence, 'keyDerivationFunc')
  reader.expect(tags.oid, 'keyDerivationFunc')
  const isScrypt = kinds.find(reader.bytes, reader.start, reader.stop) === 'scrypt'
  reader.open(tags.sequence, 'keyDerivationFunc')
  return isScrypt ? countBehindSalt(reader, 3) / 8 : countBehindSalt(reader, 1)
}

/** the product of the INTEGERs that follow the salt */
function countBehindSalt(reader: DerReader, integers: number): number {
  reader.next('salt')
  let product = 1
  for (let left = integers; left > 0; left--) {
    reader.expect(tags.integer, 'iterationCount')
    product *= Number.parseInt(reader.bytes.toString('hex', reader.start, reader.stop) || '0', 16)
  }
  return product
}
