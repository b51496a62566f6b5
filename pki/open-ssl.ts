import { type KeyObject, X509Certificate } from 'node:crypto'

/** A certificate as OpenSSL takes it, or undefined when it does not. */
export function openSslCertificate(der: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(der)
  } catch {
    return undefined
  }
}

/** Its key as OpenSSL takes it, or undefined when it does not: an unknown algorithm or curve, broken numbers. */
export function publicKeyOf(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey
  } catch {
    return undefined
  }
}
