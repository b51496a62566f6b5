import type { CertificateFields } from '../../../pki/fields.ts'
import { applyRules, finding, named, type Finding, type Rule } from './finding.ts'
import { expired, expiresSoon, longValidity, notYetValid, type JudgedCertificate } from './validity.ts'

/** Shortest keys that are not weak, in bits. */
const rsaBits = 2048
const curveBits = 224

/** Below this, a key can be broken by those who want to. */
const brokenBits = 1024

/** What makes a key weak, or undefined. */
export function keyWeakness({ keyType, keyBits }: CertificateFields): string | undefined {
  if (keyType === 'DSA') return `a DSA key of ${keyBits} bits; DSA is no longer accepted`
  if (keyBits === 0) return undefined
  if (keyType === 'RSA' && keyBits < rsaBits) return `an RSA key of ${keyBits} bits, fewer than ${rsaBits}`
  if (keyType === 'ECDSA' && keyBits < curveBits)
    return `an EC key of ${keyBits} bits, fewer than ${curveBits}`
  return undefined
}

/** The finding for how a certificate is signed, if its hash is broken. */
export function signatureWeakness({
  signatureAlgorithm
}: CertificateFields): 'sha1-signature' | 'md5-signature' | undefined {
  if (/-MD[245]$/.test(signatureAlgorithm)) return 'md5-signature'
  return signatureAlgorithm.endsWith('-SHA1') ? 'sha1-signature' : undefined
}

/** Can the key be broken today, not only in theory? */
export function isBroken({ keyType, keyBits }: CertificateFields): boolean {
  return keyType === 'RSA' && keyBits > 0 && keyBits < brokenBits
}

const weakKey: Rule<JudgedCertificate> = ({ fields }) => {
  const weakness = keyWeakness(fields)
  if (weakness === undefined) return []
  const facts = { keyType: fields.keyType, keyBits: fields.keyBits }
  const severity = isBroken(fields) ? 'critical' : 'warning'
  return [finding('weak-key', { severity, reason: `It has ${weakness}.`, facts })]
}

// nobody relies on the signature by which a certificate vouches for itself
const weakSignature: Rule<JudgedCertificate> = ({ fields, isSelfSigned }) => {
  const code = signatureWeakness(fields)
  if (code === undefined || isSelfSigned) return []
  const { signatureAlgorithm } = fields
  return [finding(code, { reason: `It is signed by ${signatureAlgorithm}.`, facts: { signatureAlgorithm } })]
}

const selfSigned: Rule<JudgedCertificate> = ({ fields: { subject }, isSelfSigned }) =>
  isSelfSigned ? [finding('self-signed', { reason: `${named(subject)} signed it itself.`, facts: {} })] : []

const clientAuth: Rule<JudgedCertificate> = ({ fields: { extendedKeyUsage }, isPublic }) => {
  if (!isPublic || !extendedKeyUsage?.includes('clientAuth')) return []
  const reason = `It is publicly trusted and made for ${extendedKeyUsage.join(', ')}.`
  return [finding('client-auth', { reason, facts: { extendedKeyUsage } })]
}

const certificateRules = [
  notYetValid,
  expiresSoon,
  expired,
  selfSigned,
  weakKey,
  weakSignature,
  longValidity,
  clientAuth
] as const satisfies readonly Rule<JudgedCertificate>[]

/** What is wrong or due about a certificate that servers show as their own. */
export function certificateFindings(subject: JudgedCertificate): Finding[] {
  return applyRules(certificateRules, subject)
}

/** What there is to say about a certificate that nothing can read. */
export function unreadableFindings(reason: string): Finding[] {
  return [finding('unreadable-certificate', { reason, facts: {} })]
}
