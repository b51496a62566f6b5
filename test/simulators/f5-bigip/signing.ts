import { createPublicKey, type KeyObject, sign } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import { AlgorithmIdentifier } from '@peculiar/asn1-x509'
import { createCertificate } from '../../peers/certificates.ts'
import { distinguishedName, extensions } from '../../peers/extensions.ts'

/** A subject as sys crypto takes it. */
export interface Subject {
  readonly commonName: string
  /** DNS:a, IP:192.0.2.1 */
  readonly names: readonly string[]
  /** what stands before the common name */
  readonly parts: readonly (readonly [oid: string, value: string])[]
}

/** A PKCS#10 request (RFC 2986) as PEM. */
export function makeCsr(key: KeyObject, { commonName, names, parts }: Subject): string {
  const subject = der(distinguishedName([...parts, ['2.5.4.3', commonName]]))
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const info = element(0x30, Buffer.from([2, 1, 0]), subject, spki, attributes(names))
  const algorithm = key.asymmetricKeyType === 'rsa' ? '1.2.840.113549.1.1.11' : '1.2.840.10045.4.3.2'
  const parameters = key.asymmetricKeyType === 'rsa' ? { parameters: null } : {}
  const request = element(
    0x30,
    info,
    der(new AlgorithmIdentifier({ algorithm, ...parameters })),
    element(0x03, Buffer.from([0]), sign('sha256', info, key))
  )
  const lines = request.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----', ''].join('\n')
}

/** A certificate that the unit signs with its own key, as PEM. */
export function makeSelfSigned(
  key: KeyObject,
  { commonName, names, parts }: Subject,
  { now, days }: { readonly now: number; readonly days: number }
): string {
  const organization = parts.find(([oid]) => oid === '2.5.4.10')?.[1]
  return createCertificate({
    commonName,
    ...(organization === undefined ? {} : { organization }),
    ...sorted(names),
    key,
    notBefore: now,
    notAfter: now + days * 86_400_000
  }).pem
}

function sorted(names: readonly string[]): { readonly names: string[]; readonly ips: string[] } {
  const of = (prefix: string) =>
    names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  return { names: of('DNS:'), ips: of('IP:') }
}

/** [0] with an extensionRequest (RFC 2985 §5.4.2), or empty. */
function attributes(names: readonly string[]): Buffer {
  if (names.length === 0) return element(0xa0)
  const none = new Uint8Array(20)
  const wanted = extensions({ ...sorted(names), purposes: null }, { subject: none, issuer: none })
  const onlyNames = wanted.filter(({ extnID }) => extnID === '2.5.29.17').map(der)
  const extensionRequest = Buffer.from([6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14])
  return element(0xa0, element(0x30, extensionRequest, element(0x31, element(0x30, ...onlyNames))))
}

const der = (value: object) => Buffer.from(AsnConvert.serialize(value))

function element(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content])
  const size = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
