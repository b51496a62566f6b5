import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { fileKind, fileKindNames, type FileKind } from '../../pki/file-kind.ts'
import { refusesIssued } from '../../pki/issued-reasons.ts'
import { checkIssued } from '../../pki/issued.ts'
import { readKeyBundle } from '../../pki/key-bundle.ts'
import { type KeyWithCertificates, readPkcs12 } from '../../pki/pkcs12.ts'
import { readCertificates } from '../../pki/pkcs7.ts'
import { type PrivateKey, readPrivateKey } from '../../pki/private-key.ts'
import { readCertificate } from '../../pki/quick.ts'
import { chainFor, misfit } from './misfits.ts'
import type { Standards } from './manual.ts'

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
  /** DER, leaf first; ends with a root only where that has signed the leaf itself */
  readonly chain: readonly Buffer[]
  /** subjects of certificates that came along and have nothing to do with it, root aside */
  readonly strangers: readonly string[]
}

/**
 * Reads a certificate with its key, brings its chain into order, and makes sure that they belong together and may be
 * served now. Faults: key-malformed, key-unsupported, passphrase-wrong, pkcs12-malformed, certificate-malformed,
 * chain-unfit.
 */
export async function readImport(file: ImportFile, { now, known }: Standards): Promise<ImportedCertificate> {
  const { key, certificates } = await open(file)
  const { spki } = key
  const remedy = 'Give the key together with its own certificate.'
  const { chain, strangers } = chainFor(spki, certificates, { replaces: null, remedy })
  const flaws = checkIssued({ chain, spki, names: [], now, known }).filter(refusesIssued)
  if (flaws.length > 0) throw misfit(flaws)
  return { key, chain, strangers: strangers.map((der) => readCertificate(der).subject) }
}

/** what a person who takes a file for one with key and certificate does instead */
const instead: Partial<Readonly<Record<FileKind, string>>> = {
  certificates:
    'Give key and certificates in one PEM text or as PKCS#12. Where the key was made here, for a CSR of an event: tlsward events certificate.',
  key: 'Put its certificate behind it, with the intermediates, in one PEM text.',
  request: 'Give the certificate that a CA made from it, together with the key.'
}

/**
 * A file as it is imported: one PEM text, or PKCS#12. Faults: certificate-malformed where it is neither, with what to do
 * instead.
 */
export function importFileOf(bytes: Uint8Array, password: Secret | null): ImportFile {
  const kind = fileKind(bytes)
  const isPem = bytes[0] !== 0x30
  // what is broken says so when it is read
  if (kind === 'pkcs12' && !isPem) return { form: 'pkcs12', file: bytes, password }
  if (kind === 'key-with-certificates') {
    return { form: 'bundle', text: new Secret(Buffer.from(bytes).toString('latin1')), passphrase: password }
  }
  const remedy = instead[kind] ?? 'Give key and certificates in one PEM text, or as PKCS#12.'
  throw new Fault('certificate-malformed', `The file is ${fileKindNames[kind]}. ${remedy}`, { kind })
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
