import { Fault } from '../../core/fault.ts'
import type { Secret } from '../../core/secret.ts'
import { visible } from '../../core/text.ts'
import { orderChain } from '../../pki/chain-order.ts'
import { refusesIssued, saysOf } from '../../pki/issued-reasons.ts'
import { checkIssued } from '../../pki/issued.ts'
import { readKeyBundle } from '../../pki/key-bundle.ts'
import { type KeyWithCertificates, readPkcs12 } from '../../pki/pkcs12.ts'
import { readCertificates } from '../../pki/pkcs7.ts'
import { type PrivateKey, readPrivateKey } from '../../pki/private-key.ts'
import { readCertificate } from '../../pki/quick.ts'

/** A certificate that was bought elsewhere, in the forms in which people have it with its key. */
export type ImportFile =
  /** one PEM text with the key and the certificates */
  | { readonly form: 'bundle'; readonly text: Secret; readonly passphrase: Secret | null }
  /** the key as PEM, the certificates in a file of their own (PEM, DER, PKCS#7) */
  | {
      readonly form: 'pair'
      readonly key: Secret
      readonly passphrase: Secret | null
      readonly certificates: Uint8Array
    }
  /** .p12, .pfx */
  | { readonly form: 'pkcs12'; readonly file: Uint8Array; readonly password: Secret | null }

/** What was in it. */
export interface ImportedCertificate {
  readonly key: PrivateKey
  /** DER, leaf first, without root */
  readonly chain: readonly Buffer[]
  /** subjects of certificates that came along and have nothing to do with it, root aside */
  readonly strangers: readonly string[]
}

/**
 * Reads a certificate with its key, brings its chain into order, and makes sure that they belong together and may be
 * served now. Faults: key-malformed, key-unsupported, passphrase-wrong, pkcs12-malformed, certificate-malformed,
 * chain-unfit.
 */
export async function readImport(file: ImportFile, now: number): Promise<ImportedCertificate> {
  const { key, certificates } = await open(file)
  const { chain, strangers } = orderChain(certificates, key.spki)
  const flaws = checkIssued({ chain, spki: key.spki, names: [], now }).filter(refusesIssued)
  if (flaws.length > 0) {
    const problem = visible(flaws.map(saysOf).join('; '), 1000)
    throw new Fault('chain-unfit', `The certificate cannot be used: ${problem}. Import another one.`, {
      flaws: flaws.map(({ reason }) => reason)
    })
  }
  return { key, chain, strangers: strangers.map((der) => readCertificate(der).subject) }
}

async function open(file: ImportFile): Promise<KeyWithCertificates> {
  switch (file.form) {
    case 'bundle':
      return readKeyBundle(file.text, file.passphrase)
    case 'pair':
      return {
        key: readPrivateKey(file.key, file.passphrase),
        certificates: readCertificates(file.certificates)
      }
    default:
      return readPkcs12(file.file, file.password)
  }
}
