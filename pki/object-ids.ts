/** Attribute types of names that have a short name (RFC 4514 §3, RFC 4519, CA/B Forum EV guidelines, PKCS #9). */
export const attributeTypes = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.13': 'description',
  '2.5.4.15': 'businessCategory',
  '2.5.4.17': 'postalCode',
  '2.5.4.20': 'telephoneNumber',
  '2.5.4.41': 'name',
  '2.5.4.42': 'GN',
  '2.5.4.43': 'initials',
  '2.5.4.44': 'generationQualifier',
  '2.5.4.46': 'dnQualifier',
  '2.5.4.65': 'pseudonym',
  '2.5.4.97': 'organizationIdentifier',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
  '1.2.840.113549.1.9.2': 'unstructuredName',
  '1.2.840.113549.1.9.8': 'unstructuredAddress',
  '1.3.6.1.4.1.311.60.2.1.1': 'jurisdictionL',
  '1.3.6.1.4.1.311.60.2.1.2': 'jurisdictionST',
  '1.3.6.1.4.1.311.60.2.1.3': 'jurisdictionC'
} as const satisfies Record<string, string>

/** Purposes of keys (RFC 5280 §4.2.1.12 and the older ones that server certificates carry). */
export const keyPurposes = {
  '2.5.29.37.0': 'anyExtendedKeyUsage',
  '1.3.6.1.5.5.7.3.1': 'serverAuth',
  '1.3.6.1.5.5.7.3.2': 'clientAuth',
  '1.3.6.1.5.5.7.3.3': 'codeSigning',
  '1.3.6.1.5.5.7.3.4': 'emailProtection',
  '1.3.6.1.5.5.7.3.5': 'ipsecEndSystem',
  '1.3.6.1.5.5.7.3.6': 'ipsecTunnel',
  '1.3.6.1.5.5.7.3.7': 'ipsecUser',
  '1.3.6.1.5.5.7.3.8': 'timeStamping',
  '1.3.6.1.5.5.7.3.9': 'OCSPSigning',
  '1.3.6.1.5.5.7.3.17': 'ipsecIKE',
  '1.3.6.1.4.1.311.10.3.3': 'msSGC',
  '1.3.6.1.4.1.311.20.2.2': 'msSmartcardLogin',
  '2.16.840.1.113730.4.1': 'nsSGC'
} as const satisfies Record<string, string>

/** Signature algorithms; RSA-PSS gets its hash from its parameters. */
export const signatureAlgorithms = {
  '1.2.840.113549.1.1.2': 'RSA-MD2',
  '1.2.840.113549.1.1.3': 'RSA-MD4',
  '1.2.840.113549.1.1.4': 'RSA-MD5',
  '1.2.840.113549.1.1.5': 'RSA-SHA1',
  '1.3.14.3.2.29': 'RSA-SHA1',
  '1.2.840.113549.1.1.14': 'RSA-SHA224',
  '1.2.840.113549.1.1.11': 'RSA-SHA256',
  '1.2.840.113549.1.1.12': 'RSA-SHA384',
  '1.2.840.113549.1.1.13': 'RSA-SHA512',
  '1.2.840.113549.1.1.10': 'RSA-PSS',
  '2.16.840.1.101.3.4.3.14': 'RSA-SHA3-256',
  '2.16.840.1.101.3.4.3.15': 'RSA-SHA3-384',
  '2.16.840.1.101.3.4.3.16': 'RSA-SHA3-512',
  '1.3.36.3.3.1.2': 'RSA-RIPEMD160',
  '1.2.840.10045.4.1': 'ECDSA-SHA1',
  '1.2.840.10045.4.3.1': 'ECDSA-SHA224',
  '1.2.840.10045.4.3.2': 'ECDSA-SHA256',
  '1.2.840.10045.4.3.3': 'ECDSA-SHA384',
  '1.2.840.10045.4.3.4': 'ECDSA-SHA512',
  '2.16.840.1.101.3.4.3.10': 'ECDSA-SHA3-256',
  '2.16.840.1.101.3.4.3.11': 'ECDSA-SHA3-384',
  '2.16.840.1.101.3.4.3.12': 'ECDSA-SHA3-512',
  '1.2.840.10040.4.3': 'DSA-SHA1',
  '2.16.840.1.101.3.4.3.1': 'DSA-SHA224',
  '2.16.840.1.101.3.4.3.2': 'DSA-SHA256',
  '2.16.840.1.101.3.4.3.3': 'DSA-SHA384',
  '2.16.840.1.101.3.4.3.4': 'DSA-SHA512',
  '1.3.101.112': 'Ed25519',
  '1.3.101.113': 'Ed448',
  '2.16.840.1.101.3.4.3.17': 'ML-DSA-44',
  '2.16.840.1.101.3.4.3.18': 'ML-DSA-65',
  '2.16.840.1.101.3.4.3.19': 'ML-DSA-87'
} as const satisfies Record<string, string>

/** Hashes by the algorithm identifiers that RSA-PSS parameters and OCSP certificate ids use. */
export const hashAlgorithms = {
  '1.2.840.113549.2.5': 'MD5',
  '1.3.14.3.2.26': 'SHA1',
  '2.16.840.1.101.3.4.2.4': 'SHA224',
  '2.16.840.1.101.3.4.2.1': 'SHA256',
  '2.16.840.1.101.3.4.2.2': 'SHA384',
  '2.16.840.1.101.3.4.2.3': 'SHA512'
} as const satisfies Record<string, string>

/** Names of the key usage bits, first bit first (RFC 5280 §4.2.1.3). */
export const keyUsageBits = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly'
] as const

/** What a short table says of an object identifier, found by its DER content without making its text. */
export class OidTable<T> {
  readonly #rows = new Map<number, { readonly content: Buffer; readonly value: T }[]>()

  /** `rows`: dotted text and value */
  constructor(rows: Iterable<readonly [dotted: string, value: T]>) {
    for (const [dotted, value] of rows) {
      const content = encodeOid(dotted)
      const key = digest(content, 0, content.length)
      this.#rows.set(key, [...(this.#rows.get(key) ?? []), { content, value }])
    }
  }

  /** The value of the identifier at `bytes[start … stop − 1]`, or undefined when it is not in the table. */
  find(bytes: Buffer, start: number, stop: number): T | undefined {
    if (stop - start > maxContent) return undefined
    const rows = this.#rows.get(digest(bytes, start, stop))
    if (rows === undefined) return undefined
    for (const { content, value } of rows) if (isAt(content, bytes, start, stop)) return value
    return undefined
  }
}

// the longest identifier in the tables takes 11 bytes
const maxContent = 16

function digest(bytes: Buffer, start: number, stop: number): number {
  let value = stop - start
  for (let at = start; at < stop; at++) value = (Math.imul(value, 31) + (bytes[at] as number)) | 0
  return value
}

function isAt(content: Buffer, bytes: Buffer, start: number, stop: number): boolean {
  if (content.length !== stop - start) return false
  for (let at = 0; at < content.length; at++) if (content[at] !== bytes[start + at]) return false
  return true
}

function encodeOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return Buffer.from([first * 40 + second, ...rest].flatMap(encodeArc))
}

function encodeArc(arc: number): number[] {
  const septets = [arc & 0x7f]
  for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
    septets.unshift((left & 0x7f) | 0x80)
  return septets
}
