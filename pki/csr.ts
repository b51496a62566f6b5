import 'reflect-metadata'
import { createPublicKey, hash, type KeyObject } from 'node:crypto'
import { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from '@peculiar/x509'
import { Fault } from '../core/fault.ts'
import { readSignatureAlgorithm } from './algorithms.ts'
import { cryptoKeys } from './crypto-keys.ts'
import { DerReader, type DerSubject, tags } from './der.ts'
import { type NamesDraft, readAlternativeNames } from './extensions.ts'
import { type KeyFacts, readKey } from './keys.ts'
import { readName } from './names.ts'
import { OidTable } from './object-ids.ts'
import type { PrivateKey } from './private-key.ts'
import { checkSignature } from './signature.ts'
import { canonicalNames, subjectNames } from './subject-names.ts'
import { type SubjectFields, subjectName } from './subject.ts'
import { smallIntegerOf } from './values.ts'

/** What a request is made of. */
export interface CsrRecipe {
  readonly key: PrivateKey
  /** host names (also as a person writes them, see subject-names.ts), wildcards and IP addresses */
  readonly names: readonly string[]
  /** default: none. Public CAs take names from subjectAltName, and organisations from their own files */
  readonly subject?: SubjectFields
}

/**
 * Makes a PKCS#10 request (RFC 2986), DER. It asks for names only: no key usage, no must-staple (CAs give up OCSP).
 * Faults: name-malformed, subject-malformed.
 */
export async function makeCsr({ key, names, subject = {} }: CsrRecipe): Promise<Buffer> {
  const { privateKey, publicKey, signingAlgorithm } = cryptoKeys(key)
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: subjectName(subject),
    keys: { privateKey, publicKey },
    signingAlgorithm,
    extensions: [alternativeNames(canonicalNames(names), false)]
  })
  return Buffer.from(csr.rawData)
}

/** The subjectAltName of canonical names. */
export function alternativeNames(
  names: readonly string[],
  isCritical: boolean
): SubjectAlternativeNameExtension {
  const { dnsNames, ipAddresses } = subjectNames(names)
  return new SubjectAlternativeNameExtension(
    [
      ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
      ...ipAddresses.map((value) => ({ type: 'ip' as const, value }))
    ],
    isCritical
  )
}

/** What a request asks for. */
export interface Csr extends KeyFacts {
  readonly der: Buffer
  /** RFC 4514 */
  readonly subject: string
  readonly commonName: string | null
  /** subjectAltName of the extensions that it asks for */
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  /** it asks for e-mail addresses or URIs too */
  readonly hasOtherNames: boolean
  /** SHA-256 of its SubjectPublicKeyInfo, lower-case hex */
  readonly spki: string
  readonly publicKey: KeyObject
}

const subjectOfFault: DerSubject = {
  name: 'certificate request',
  remedy: 'Give one PKCS#10 request.',
  maxBytes: 256 << 10
}
const attributesTag = 0xa0
const attributeIds = new OidTable<true>([['1.2.840.113549.1.9.14', true]])
const extensionIds = new OidTable<true>([['2.5.29.17', true]])

/**
 * Reads a request (RFC 2986) by the strict reader and checks that its own key has signed it. Throws a Fault
 * csr-malformed.
 */
export function readCsr(der: Uint8Array): Csr {
  try {
    return readRequest(new DerReader(der, subjectOfFault))
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    throw new Fault('csr-malformed', thrown.message, thrown.facts, thrown)
  }
}

function readRequest(reader: DerReader): Csr {
  const whole = reader.open(tags.sequence, 'CertificationRequest')
  const from = reader.at
  const outer = reader.open(tags.sequence, 'certificationRequestInfo')
  reader.expect(tags.integer, 'version')
  if (smallIntegerOf(reader, 'version') !== 0) reader.fail('is not 0', 'version')
  const { text, commonName } = readName(reader, 'subject')
  const keyFrom = reader.at
  reader.expect(tags.sequence, 'subjectPKInfo')
  const keyStop = reader.at
  const names = readRequestedNames(reader)
  reader.close(outer, 'certificationRequestInfo')
  const data = reader.bytes.subarray(from, reader.at)
  const { name: algorithm, pssHash } = readSignatureAlgorithm(reader)
  reader.expect(tags.bitString, 'signature')
  if (reader.bytes[reader.start] !== 0) reader.fail('has unused bits', 'signature')
  const signature = reader.bytes.subarray(reader.start + 1, reader.stop)
  reader.close(whole, 'CertificationRequest')
  if (reader.more()) reader.fail('has something behind it', 'CertificationRequest')
  const spki = reader.bytes.subarray(keyFrom, keyStop)
  const publicKey = openKey(reader, spki)
  if (checkSignature({ algorithm, pssHash, data, signature }, publicKey) !== 'good') {
    reader.fail('was not made by its own key', 'signature')
  }
  reader.seek(keyFrom, keyStop)
  return {
    der: reader.bytes,
    subject: text,
    commonName,
    ...names,
    ...readKey(reader),
    spki: hash('sha256', spki, 'hex'),
    publicKey
  }
}

function openKey(reader: DerReader, spki: Buffer): KeyObject {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch {
    return reader.fail('is no key that OpenSSL takes', 'subjectPKInfo')
  }
}

type RequestedNames = Pick<Csr, 'dnsNames' | 'ipAddresses' | 'hasOtherNames'>

/** the attributes are optional, although RFC 2986 §4.1 has them always */
function readRequestedNames(reader: DerReader): RequestedNames {
  const names: NamesDraft = { dnsNames: [], ipAddresses: [], emails: [], uris: [] }
  if (reader.more()) {
    const outer = reader.open(attributesTag, 'attributes')
    while (reader.more()) {
      const attribute = reader.open(tags.sequence, 'attributes')
      reader.expect(tags.oid, 'attributes')
      const isExtensions = attributeIds.find(reader.bytes, reader.start, reader.stop)
      const values = reader.open(tags.set, 'attributes')
      if (isExtensions) readExtensionRequest(reader, names)
      reader.leave(values)
      reader.close(attribute, 'attributes')
    }
    reader.close(outer, 'attributes')
  }
  const { dnsNames, ipAddresses, emails, uris } = names
  return { dnsNames, ipAddresses, hasOtherNames: emails.length + uris.length > 0 }
}

function readExtensionRequest(reader: DerReader, names: NamesDraft): void {
  const outer = reader.open(tags.sequence, 'extensionRequest')
  let seen = 0
  while (reader.more()) {
    const extension = reader.open(tags.sequence, 'extensionRequest')
    reader.expect(tags.oid, 'extensionRequest')
    const isNames = extensionIds.find(reader.bytes, reader.start, reader.stop)
    reader.optional(tags.boolean, 'extensionRequest')
    const value = reader.open(tags.octetString, 'extensionRequest')
    if (isNames && seen++ > 0) reader.fail('comes twice', 'subjectAltName')
    if (isNames) readAlternativeNames(reader, names)
    reader.leave(value)
    reader.close(extension, 'extensionRequest')
  }
  reader.close(outer, 'extensionRequest')
  if (names.brokenExtensions) reader.fail('has an address of neither 4 nor 16 bytes', 'subjectAltName')
}
