import { parseAddress } from '../core/address.ts'
import { Fault } from '../core/fault.ts'
import { visible } from '../core/text.ts'
import { ChainCertificate } from './chain-certificate.ts'
import type { Csr } from './csr.ts'
import { namesOutside } from './name-constraints.ts'
import type { PrivateKey } from './private-key.ts'
import { keyStrength } from './strength.ts'

/** A certificate that may issue, with its key. */
export interface SigningCa {
  /** DER */
  readonly certificate: Uint8Array
  readonly key: PrivateKey
  /** CAs above it, DER, whose name constraints hold too; none for a root */
  readonly above: readonly Uint8Array[]
}

/** From when until when, milliseconds since the epoch; certificates have whole seconds. */
export interface Validity {
  readonly notBefore: number
  readonly notAfter: number
}

/** What a CA is about to sign. */
export interface Signing {
  readonly use: 'keyCertSign' | 'cRLSign'
  /** CAs that may come below what is signed, where that is a CA itself; else null */
  readonly below: number | null
}

/** The certificate of a CA that may sign this. Throws a Fault ca-unfit that says why it may not. */
export function checkCa({ certificate, key }: SigningCa, { use, below }: Signing): ChainCertificate {
  const ca = new ChainCertificate(certificate)
  const { spki, isCa, keyUsage, subjectKeyId, pathLength } = ca.fields
  if (spki !== key.spki) throw unfit(ca, 'is of another key than the one at hand')
  if (!isCa || (keyUsage && !keyUsage.includes(use))) throw unfit(ca, `is no CA with the key usage ${use}`)
  if (subjectKeyId === null) throw unfit(ca, 'has no subjectKeyIdentifier')
  if (below !== null && pathLength !== null && below >= pathLength) {
    throw unfit(ca, `allows ${pathLength} CAs below it`)
  }
  return ca
}

/**
 * The part of a time in which the CA is valid: a new CA may be younger than the hour by which certificates are dated
 * back, and none should outlive it. Throws a Fault ca-unfit where nothing is left.
 */
export function validityWithin(ca: ChainCertificate, { notBefore, notAfter }: Validity): Validity {
  const { fields } = ca
  const left = {
    notBefore: Math.max(notBefore, fields.notBefore),
    notAfter: Math.min(notAfter, fields.notAfter)
  }
  if (left.notBefore <= left.notAfter) return left
  const times = [fields.notBefore, fields.notAfter].map((time) => new Date(time).toISOString())
  throw unfit(ca, `is valid from ${times.join(' to ')} only`)
}

function unfit({ fields }: ChainCertificate, problem: string): Fault {
  const subject = visible(fields.subject)
  return new Fault('ca-unfit', `The CA ${subject} ${problem}. Renew it, or name another one.`, { subject })
}

/** Throws a Fault csr-malformed for a weak key and for names of kinds that servers have no use for. */
export function checkRequest(csr: Csr): void {
  const weak = keyStrength(csr) < keyStrength({ keyType: 'RSA', keyBits: 2048 })
  if (!weak && !csr.hasOtherNames) return
  const problem = weak
    ? `its key (${csr.keyType} ${csr.keyBits}) is weaker than RSA 2048`
    : 'it asks for e-mail addresses or URIs'
  throw new Fault('csr-malformed', `The request is not signed: ${problem}. Make another one.`, { problem })
}

/** Throws a Fault name-not-permitted for names outside the constraints of the CA and of those above it. */
export function checkNames({ certificate, above }: SigningCa, names: readonly string[]): void {
  const ipAddresses = names.filter((name) => parseAddress(name) !== undefined)
  const dnsNames = names.filter((name) => !ipAddresses.includes(name))
  for (const der of [certificate, ...above]) {
    const { constraints, fields } = new ChainCertificate(der)
    const wrong = constraints ? namesOutside(constraints, { dnsNames, ipAddresses }) : []
    if (wrong?.length === 0) continue
    throw new Fault(
      'name-not-permitted',
      `names ${(wrong ?? names).join(', ')}: the CA ${visible(fields.subject)} may not sign them. ` +
        'Ask for others, or choose another issuer.',
      { names: wrong ?? names }
    )
  }
}
