import type { CertificateFields } from './fields.ts'

type Key = Pick<CertificateFields, 'keyType' | 'keyBits'>

/** Security strength of RSA moduli in bits, largest first (NIST SP 800-57 part 1, table 2). */
const rsaStrengths = [
  [15_360, 256],
  [7680, 192],
  [3072, 128],
  [2048, 112],
  [1024, 80]
] as const

/** Security strength of a key in bits, as NIST SP 800-57 part 1 has it; 0 for what is not known. */
export function keyStrength({ keyType, keyBits }: Key): number {
  switch (keyType) {
    case 'RSA':
    case 'DSA':
      return rsaStrengths.find(([bits]) => keyBits >= bits)?.[1] ?? 0
    case 'ECDSA':
    case 'Ed25519':
    case 'Ed448':
      return Math.floor(keyBits / 2)
    default:
      return 0
  }
}

/** Is a key weaker than the other? Of one algorithm the bits count, across algorithms the strength. */
export function isWeakerKey(one: Key, other: Key): boolean {
  if (one.keyType === other.keyType) return one.keyBits < other.keyBits
  return keyStrength(one) < keyStrength(other)
}

/** Bits of the hash of a signature algorithm of CertificateFields; 0 for broken ones, 512 for those without a hash. */
export function hashBits(signatureAlgorithm: string): number {
  if (/SHA1$|MD[245]$|RIPEMD160$/.test(signatureAlgorithm)) return 0
  const bits = /SHA(?:3-)?(\d{3})$/.exec(signatureAlgorithm)?.[1]
  if (bits !== undefined) return Number(bits)
  return signatureAlgorithm === 'RSA-PSS' ? 256 : 512
}
