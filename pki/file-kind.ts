import { type Element, isTag, isType, parseBer, partsOf } from './ber.ts'

/** What a file holds that somebody took for one with certificates or a key. */
export type FileKind =
  | 'empty'
  /** X.509 or PKCS#7, without a key */
  | 'certificates'
  | 'key-with-certificates'
  | 'key'
  | 'request'
  | 'pkcs12'
  | 'revocation-list'
  | 'public-key'
  /** PEM of other things, other DER, or no such file at all */
  | 'other'

/** What a file of each kind is called in a sentence: `the file is …`. */
export const fileKindNames: Readonly<Record<FileKind, string>> = {
  empty: 'empty',
  certificates: 'a certificate without its key',
  'key-with-certificates': 'a private key with certificates',
  key: 'a private key',
  request: 'a request for a certificate (CSR)',
  pkcs12: 'a PKCS#12 file',
  'revocation-list': 'a revocation list (CRL)',
  'public-key': 'a public key',
  other: 'neither PEM nor DER of something that is known here'
}

/** What the bytes are, PEM or DER, by their outline alone: what is broken inside shows when it is read. Never throws. */
export function fileKind(bytes: Uint8Array): FileKind {
  if (bytes.every((byte) => byte <= 0x20)) return 'empty'
  return bytes[0] === 0x30 ? kindOfDer(bytes) : kindOfPem(Buffer.from(bytes).toString('latin1'))
}

const labels: readonly (readonly [label: RegExp, kind: FileKind])[] = [
  [/^((X509|TRUSTED) )?CERTIFICATE$|^PKCS7$|^CMS$/, 'certificates'],
  [/PRIVATE KEY$/, 'key'],
  [/CERTIFICATE REQUEST$/, 'request'],
  [/CRL$/, 'revocation-list'],
  [/PUBLIC KEY$/, 'public-key'],
  [/^PKCS12$/, 'pkcs12']
]

function kindOfPem(text: string): FileKind {
  const found = [...text.matchAll(/^-----BEGIN ([A-Z0-9 ]*)-----/gm)].map(([, label = '']) => label)
  const kinds = labels.filter(([label]) => found.some((one) => label.test(one))).map(([, kind]) => kind)
  const [first, second] = kinds
  if (first === 'certificates' && second === 'key') return 'key-with-certificates'
  return first ?? 'other'
}

function kindOfDer(bytes: Uint8Array): FileKind {
  try {
    return kindOfParts(partsOf(parseBer(bytes), 'file'))
  } catch {
    return 'other'
  }
}

/** RFC 5280 §4.1 and §5.1, RFC 2986 §4, RFC 5958 §2 and §3, RFC 8017 A.1.2, RFC 5915 §3, RFC 7292 §4, RFC 5652 §3 */
function kindOfParts([first, second, third]: readonly Element[]): FileKind {
  if (isType(first, 'OID')) return 'certificates'
  if (isType(first, 'INTEGER')) {
    if (!isType(second, 'SEQUENCE')) return isType(second, 'OID') ? 'other' : 'key'
    return isType(third, 'OCTETSTRING') ? 'key' : 'pkcs12'
  }
  if (!isType(first, 'SEQUENCE')) return 'other'
  if (isType(second, 'OCTETSTRING')) return 'key'
  if (isType(second, 'BITSTRING')) return 'public-key'
  return isType(third, 'BITSTRING') ? kindOfSigned(partsOf(first, 'what is signed')) : 'other'
}

/** a certificate begins with its version or is of the first one, a request ends with attributes, a list has a date third */
function kindOfSigned(parts: readonly Element[]): FileKind {
  if (isTag(parts[0], 0)) return 'certificates'
  if (parts.length <= 4 && isTag(parts[3], 0)) return 'request'
  const isDate = (one: Element | undefined) => isType(one, 'UTCTIME') || isType(one, 'GENERALIZEDTIME')
  return isDate(parts[2]) || isDate(parts[3]) ? 'revocation-list' : 'certificates'
}
