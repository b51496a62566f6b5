import { constants, type KeyObject, verify } from 'node:crypto'

/** What came of checking a signature; `unsupported`: OpenSSL does not know the algorithm, or takes no such key. */
export type SignatureVerdict = 'good' | 'bad' | 'unsupported'

/** A signature with what it covers. */
export interface Signed {
  /** a name of CertificateFields.signatureAlgorithm */
  readonly algorithm: string
  /** hash of the message under RSA-PSS, else null */
  readonly pssHash: string | null
  /** the bytes that were signed */
  readonly data: Uint8Array
  readonly signature: Uint8Array
}

/** Types of keys, as node:crypto names them, that make the signatures of a family. */
const families: Readonly<Record<string, readonly string[]>> = {
  RSA: ['rsa'],
  'RSA-PSS': ['rsa', 'rsa-pss'],
  ECDSA: ['ec'],
  DSA: ['dsa'],
  Ed25519: ['ed25519'],
  Ed448: ['ed448'],
  'ML-DSA-44': ['ml-dsa-44'],
  'ML-DSA-65': ['ml-dsa-65'],
  'ML-DSA-87': ['ml-dsa-87']
}

/**
 * Checks the signature of a CRL or OCSP response by OpenSSL. RSA-PSS is checked as everybody makes it: with the
 * same hash for the message and the mask.
 */
export function checkSignature(
  { algorithm, pssHash, data, signature }: Signed,
  key: KeyObject
): SignatureVerdict {
  const [family, hashName] = splitName(algorithm)
  const types = families[family]
  if (!types) return 'unsupported'
  if (!types.includes(key.asymmetricKeyType ?? '')) return 'bad'
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }
  const input = family === 'RSA-PSS' ? { key, ...pss } : key
  try {
    return verify(pssHash ?? hashName, data, input, signature) ? 'good' : 'bad'
  } catch {
    return 'unsupported'
  }
}

/** `RSA-SHA256` is family RSA and hash SHA256; a name without a hash is a family whole */
function splitName(algorithm: string): [family: string, hashName: string | null] {
  if (algorithm.startsWith('RSA-PSS')) return ['RSA-PSS', null]
  if (algorithm in families) return [algorithm, null]
  const [family = '', ...rest] = algorithm.split('-')
  return [family, rest.join('-')]
}
