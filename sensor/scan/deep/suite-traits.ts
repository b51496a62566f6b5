import { registeredSuites } from '../probe/registry.ts'

// What a suite is can be read in its registered name: TLS_<key exchange>_WITH_<cipher>, or the cipher alone for
// TLS 1.3, which always agrees on a fresh key.

function nameOf(suite: number): string {
  return registeredSuites.get(suite) ?? ''
}

/** Is it a suite of TLS 1.3 (RFC 8446 appendix B.4, RFC 8998, RFC 9150, RFC 9367)? */
export function isTls13Suite(suite: number): boolean {
  return /^TLS_(?!.*_WITH_)|_MGM_/.test(nameOf(suite))
}

/** Is it a cipher kind of SSL 2.0? */
export function isSsl2Kind(suite: number): boolean {
  return suite > 0xffff
}

/** Would a key of the server that is stolen later leave past sessions secret? */
export function hasForwardSecrecy(suite: number): boolean {
  return isTls13Suite(suite) || /^TLS_(DHE|ECDHE|DH_anon|ECDH_anon|PSK_DHE|ECCPWD|SRP)_/.test(nameOf(suite))
}

/** Does nobody prove who the server is? */
export function isAnonymous(suite: number): boolean {
  return nameOf(suite).includes('_anon_')
}

/** Does nothing encrypt? */
export function isUnencrypted(suite: number): boolean {
  return /_WITH_NULL_|TLS_SHA(256|384)_SHA/.test(nameOf(suite))
}

/** 40 or 56 bits for the export rules of the 1990s, and short keys to agree by. */
export function isExport(suite: number): boolean {
  return nameOf(suite).includes('EXPORT')
}

/** An export suite whose short key is one of RSA. */
export function isRsaExport(suite: number): boolean {
  return nameOf(suite).startsWith('TLS_RSA_EXPORT')
}

/** Is it single DES, with 56 bits, without being an export suite? */
export function isSingleDes(suite: number): boolean {
  return /_DES_(CBC|64)_/.test(nameOf(suite)) && !isExport(suite)
}

export function isRc4(suite: number): boolean {
  return /_RC4_/.test(nameOf(suite))
}

/** A block cipher of 64 bits: DES, triple DES, IDEA, RC2, GOST 28147, Magma. */
export function hasSmallBlocks(suite: number): boolean {
  return /DES|IDEA|RC2|28147|MAGMA/.test(nameOf(suite))
}

export function isCbc(suite: number): boolean {
  return /_CBC_/.test(nameOf(suite))
}

/** Diffie-Hellman over a prime field with a fresh key, parameters in a ServerKeyExchange of the plain form. */
export function agreesByDhe(suite: number): boolean {
  return /^TLS_(DHE_(RSA|DSS)|DH_anon)_/.test(nameOf(suite))
}

/** Diffie-Hellman over an elliptic curve with a fresh key; `RSA`: one that an RSA key signs, or none. */
export function agreesByEcdhe(suite: number): 'RSA' | 'ECDSA' | null {
  const [, signer] = /^TLS_(?:ECDHE_(RSA|ECDSA)|ECDH_anon)_/.exec(nameOf(suite)) ?? [null, null]
  if (signer === null) return null
  return signer === 'ECDSA' ? 'ECDSA' : 'RSA'
}
