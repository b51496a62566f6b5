import { createPublicKey, type KeyObject, type webcrypto } from 'node:crypto'
import { keyFamily, type KeyType, type PrivateKey, signingKey } from './private-key.ts'

/** A key pair and the way to sign with it, as the certificate library takes them. */
export interface CryptoKeys {
  readonly privateKey: webcrypto.CryptoKey
  readonly publicKey: webcrypto.CryptoKey
  readonly signingAlgorithm: { readonly name: string; readonly hash: string }
}

type KeyAlgorithm = Parameters<KeyObject['toCryptoKey']>[0]

/** The key for signing requests, certificates and CRLs: SHA-384 with P-384, else SHA-256. */
export function cryptoKeys(key: PrivateKey): CryptoKeys {
  const own = signingKey(key)
  const hash = key.type === 'ec-p384' ? 'SHA-384' : 'SHA-256'
  const algorithm = algorithmOf(key.type, hash)
  return {
    privateKey: own.toCryptoKey(algorithm, false, ['sign']),
    publicKey: createPublicKey(own).toCryptoKey(algorithm, true, ['verify']),
    signingAlgorithm: { name: keyFamily(key.type) === 'rsa' ? 'RSASSA-PKCS1-v1_5' : 'ECDSA', hash }
  }
}

function algorithmOf(type: KeyType, hash: string): KeyAlgorithm {
  if (keyFamily(type) === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash }
  return { name: 'ECDSA', namedCurve: type === 'ec-p384' ? 'P-384' : 'P-256' }
}
