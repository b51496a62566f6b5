import type { Secret } from '../core/secret.ts'
import { readCertificates } from './pkcs7.ts'
import type { KeyWithCertificates } from './pkcs12.ts'
import { readPrivateKey } from './private-key.ts'

/**
 * Reads a PEM text with one private key and its certificates. Faults: key-malformed, key-unsupported, passphrase-wrong,
 * certificate-malformed.
 */
export function readKeyBundle(text: Secret, passphrase: Secret | null): KeyWithCertificates {
  const key = readPrivateKey(text, passphrase)
  return { key, certificates: readCertificates(Buffer.from(text.reveal(), 'latin1')) }
}
