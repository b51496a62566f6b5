import { type DerReader, tags } from './der.ts'
import { hashAlgorithms, OidTable, signatureAlgorithms } from './object-ids.ts'
import { oidOf } from './values.ts'

/** A signature algorithm. */
export interface SignatureAlgorithm {
  /** as CertificateFields.signatureAlgorithm has it */
  readonly name: string
  /** RSA-PSS only: the hash of the message, null when it is none of the known ones */
  readonly pssHash: string | null
}

const signatureNames = new OidTable<string>(Object.entries(signatureAlgorithms))
const hashNames = new OidTable<string>(Object.entries(hashAlgorithms))
const weakHashes: readonly (string | null)[] = ['SHA1', 'MD5']

/** Reads the AlgorithmIdentifier of a signature. */
export function readSignatureAlgorithm(reader: DerReader): SignatureAlgorithm {
  const outer = reader.open(tags.sequence, 'signatureAlgorithm')
  reader.expect(tags.oid, 'signatureAlgorithm')
  const name =
    signatureNames.find(reader.bytes, reader.start, reader.stop) ?? oidOf(reader, 'signatureAlgorithm')
  const pssHash = name === 'RSA-PSS' ? readPssHash(reader) : null
  reader.leave(outer)
  return { name: weakHashes.includes(pssHash) ? `${name}-${pssHash}` : name, pssHash }
}

const pssHashTag = 0xa0

/** RSASSA-PSS-params (RFC 4055 §3.1): the hash, SHA-1 where it is left out */
function readPssHash(reader: DerReader): string | null {
  if (reader.ahead() !== tags.sequence) return 'SHA1'
  const outer = reader.open(tags.sequence, 'signatureAlgorithm')
  let hashName: string | null = 'SHA1'
  if (reader.ahead() === pssHashTag) {
    reader.open(pssHashTag, 'signatureAlgorithm')
    reader.open(tags.sequence, 'signatureAlgorithm')
    reader.expect(tags.oid, 'signatureAlgorithm')
    hashName = hashNames.find(reader.bytes, reader.start, reader.stop) ?? null
  }
  reader.leave(outer)
  return hashName
}
