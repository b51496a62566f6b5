import { generateKeyPairSync } from 'node:crypto'
import {
  ascii,
  attribute,
  bits,
  boolean,
  commonName,
  dnsNames,
  element,
  extension,
  forge,
  generalizedTime,
  integer,
  octets,
  oid,
  rdn,
  type Recipe,
  sequence,
  set,
  utcTime,
  utf8
} from './pki-forge.ts'

/** Certificates that every reader must take, by what is special about them. */
export type Zoo = ReadonlyMap<string, Buffer>

const utf16 = (text: string) => Buffer.from(text, 'utf16le').swap16()
const utf32 = (...points: readonly number[]) =>
  Buffer.concat(
    points.map((point) => Buffer.of(point >>> 24, (point >> 16) & 255, (point >> 8) & 255, point & 255))
  )
const uri = (text: string) => ascii(0x86, text)
const names = (...of: readonly Uint8Array[]) => extension('2.5.29.17', sequence(...of))

const recipes: Readonly<Record<string, Recipe>> = {
  'version 1': { version: null },
  'version 2 with unique identifiers': {
    version: element(0xa0, integer(1)),
    uniqueIds: [element(0x81, [0, 1, 2]), element(0x82, [0, 3])]
  },
  'serial zero': { serial: integer(0) },
  'negative serial': { serial: integer(0x85, 0x01, 0x02) },
  'serial with a sign byte': { serial: integer(0x00, 0xff, 0x01) },
  'serial of 20 bytes': { serial: integer(0x7f, ...Array.from({ length: 19 }, (_, at) => at)) },
  'serial of 40 bytes': { serial: integer(0x7f, ...Array.from({ length: 39 }, () => 0xab)) },

  'GeneralizedTime from 2050': { notAfter: generalizedTime('20500101000000Z') },
  'the last time there is': { notAfter: generalizedTime('99991231235959Z') },
  'GeneralizedTime before 2050': { notBefore: generalizedTime('20250301020304Z') },
  'GeneralizedTime before 1900': { notBefore: generalizedTime('17890714120000Z') },
  'UTCTime of 1950 and 2049': { notBefore: utcTime('500101000000Z'), notAfter: utcTime('491231235959Z') },
  'a leap day': { notBefore: utcTime('240229120000Z'), notAfter: generalizedTime('24000229000000Z') },
  'UTCTime with an offset': {
    notBefore: utcTime('250101020304+0130'),
    notAfter: utcTime('350101020304-1100')
  },
  'GeneralizedTime with a fraction': { notBefore: generalizedTime('20250101020304.567Z') },
  'GeneralizedTime with an offset': { notBefore: generalizedTime('20250101020304+0500') },

  'empty subject': { subject: sequence(), extensions: [dnsNames('only.san.example')] },
  PrintableString: { subject: sequence(rdn('2.5.4.10', ascii(0x13, 'Acme (Plain) Ltd.'))) },
  'T61String with umlauts': { subject: sequence(rdn('2.5.4.3', ascii(0x14, 'M\xfcller & S\xf6hne'))) },
  BMPString: { subject: sequence(rdn('2.5.4.3', element(0x1e, utf16('Žluťoučký kůň 漢字')))) },
  UniversalString: { subject: sequence(rdn('2.5.4.3', element(0x1c, utf32(0x41, 0x6f22, 0x1f600)))) },
  'IA5String and NumericString': {
    subject: sequence(
      rdn('1.2.840.113549.1.9.1', ascii(0x16, 'it@example.org')),
      rdn('2.5.4.5', ascii(0x12, '12 34'))
    )
  },
  'UTF8String beyond the BMP': { subject: commonName('😀 straße 漢字') },
  'value that is no string': {
    subject: sequence(rdn('2.5.4.3', bits(Buffer.of(5))), rdn('2.5.4.3', 'second'))
  },
  'multi-valued relative names': {
    subject: sequence(
      rdn('2.5.4.6', ascii(0x13, 'DE')),
      set(
        attribute('2.5.4.3', 'one'),
        attribute('2.5.4.11', 'two'),
        attribute('0.9.2342.19200300.100.1.1', 'three')
      )
    )
  },
  'two common names': { subject: sequence(rdn('2.5.4.3', 'first'), rdn('2.5.4.3', 'second')) },
  'unknown attribute types': {
    subject: sequence(rdn('1.2.3.4.5', 'text'), rdn('2.25.329800735698586629295641978511506172918', 'uuid'))
  },
  'extended validation subject': {
    subject: sequence(
      rdn('1.3.6.1.4.1.311.60.2.1.3', ascii(0x13, 'DE')),
      rdn('1.3.6.1.4.1.311.60.2.1.2', 'Bayern'),
      rdn('1.3.6.1.4.1.311.60.2.1.1', 'München'),
      rdn('2.5.4.15', 'Private Organization'),
      rdn('2.5.4.97', 'NTRDE-HRB 1'),
      rdn('2.5.4.9', 'Straße 1'),
      rdn('2.5.4.17', '80331'),
      rdn('0.9.2342.19200300.100.1.25', ascii(0x16, 'example'))
    )
  },
  'characters that RFC 4514 escapes': {
    subject: sequence(
      rdn('2.5.4.10', ' #a"+,;<>\\=b '),
      rdn('2.5.4.11', '#lead'),
      rdn('2.5.4.11', ' '),
      rdn('2.5.4.11', 'a b#')
    )
  },
  'a zero character': { subject: sequence(rdn('2.5.4.3', ascii(0x13, 'good.example\0.evil.example'))) },
  'empty value': { subject: sequence(rdn('2.5.4.3', '')) },

  'names of every kind': {
    extensions: [
      names(
        ascii(0x82, 'xn--strae-oqa.example'),
        ascii(0x82, '*.example.org'),
        ascii(0x81, 'root@example.org'),
        uri('https://example.org/a?b=c'),
        element(0x87, [192, 0, 2, 1]),
        element(0x87, [0x20, 1, 0xd, 0xb8, ...Array.from({ length: 11 }, () => 0), 1]),
        element(0x88, Buffer.of(0x2a, 3)),
        element(0xa4, commonName('directory')),
        element(0xa0, oid('1.3.6.1.4.1.311.20.2.3'), element(0xa0, utf8('user@example.org')))
      )
    ]
  },
  'IPv6 addresses': {
    extensions: [
      names(
        element(0x87, Buffer.alloc(16)),
        element(0x87, [...Array.from({ length: 15 }, () => 0), 1]),
        element(0x87, [...Array.from({ length: 10 }, () => 0), 0xff, 0xff, 1, 2, 3, 4]),
        element(0x87, Buffer.from('20010db8000000010000000000000001', 'hex')),
        element(0x87, Buffer.from('20010db8000100010001000100010001', 'hex')),
        element(0x87, Buffer.from('fe800000000000000000000000000000', 'hex'))
      )
    ]
  },
  'an address of five bytes': {
    extensions: [names(ascii(0x82, 'kept.example'), element(0x87, [1, 2, 3, 4, 5]))]
  },
  'an address with a mask': { extensions: [names(element(0x87, [10, 0, 0, 0, 255, 0, 0, 0]))] },
  'an address as text': {
    extensions: [names(element(0x87, Buffer.from('192.168.1.1')), element(0x87, [10, 0, 0, 1]))]
  },
  'no names in subjectAltName': { extensions: [names()] },
  'bytes above 127 in names': { extensions: [names(element(0x82, Buffer.from('münchen.example', 'utf8')))] },
  '2,000 names': {
    extensions: [dnsNames(...Array.from({ length: 2000 }, (_, at) => `host-${at}.example.org`))]
  },

  'every extension': { extensions: everyExtension() },
  'unknown critical extension': { extensions: [extension('1.2.3.4', octets(Buffer.from('what')), true)] },
  'extension that says it is not critical': {
    extensions: [sequence(oid('2.5.29.19'), boolean(0), octets(sequence(boolean(0xff))))]
  },
  'booleans of one': { extensions: [sequence(oid('2.5.29.19'), boolean(1), octets(sequence(boolean(1))))] },
  'basicConstraints that writes its default': { extensions: [extension('2.5.29.19', sequence(boolean(0)))] },
  'a path length': { extensions: [extension('2.5.29.19', sequence(boolean(0xff), integer(3)), true)] },
  'a path length without a CA': { extensions: [extension('2.5.29.19', sequence(integer(0)))] },
  'a large path length': {
    extensions: [extension('2.5.29.19', sequence(boolean(0xff), integer(0x7f, 0xff, 0xff, 0xff)))]
  },
  'a negative path length': { extensions: [extension('2.5.29.19', sequence(boolean(0xff), integer(0xff)))] },
  'all key usages': { extensions: [extension('2.5.29.15', bits(Buffer.of(0xff, 0x80), 7), true)] },
  'no key usage': { extensions: [extension('2.5.29.15', bits(Buffer.alloc(0)), true)] },
  'unknown purposes': {
    extensions: [
      extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.2.3.4'), oid('2.16.840.1.113730.4.1')))
    ]
  },
  'a huge list of policies': {
    extensions: [
      extension(
        '2.5.29.32',
        sequence(...Array.from({ length: 2000 }, (_, at) => sequence(oid(`1.3.6.1.4.1.99999.${at}`))))
      )
    ]
  },
  'policies with qualifiers': {
    extensions: [
      extension(
        '2.5.29.32',
        sequence(
          sequence(
            oid('2.23.140.1.2.1'),
            sequence(sequence(oid('1.3.6.1.5.5.7.2.1'), ascii(0x16, 'https://cps.example')))
          )
        )
      )
    ]
  },
  'authorityKeyIdentifier with issuer and serial': {
    extensions: [
      extension(
        '2.5.29.35',
        sequence(element(0xa1, element(0xa4, commonName('root'))), element(0x82, [1, 2]))
      )
    ]
  },
  'must staple': { extensions: [extension('1.3.6.1.5.5.7.1.24', sequence(integer(5)))] },
  'another TLS feature': { extensions: [extension('1.3.6.1.5.5.7.1.24', sequence(integer(17)))] },
  'the same extension twice': {
    extensions: [dnsNames('first.example'), dnsNames('second.example'), extension('2.5.29.19', sequence())]
  },
  'a broken extension': {
    extensions: [extension('2.5.29.17', Buffer.of(0x30, 0x05, 0x82)), dnsNames('late.example')]
  },
  'several broken extensions': {
    extensions: [
      extension('2.5.29.19', integer(1)),
      extension('2.5.29.15', utf8('x')),
      extension('2.5.29.14', Buffer.alloc(0))
    ]
  },
  'no extensions in the list': { extensions: [] },
  'own name in issuer and subject': {
    subject: commonName('self'),
    issuer: { ...forge(), name: commonName('self') }
  },
  'another issuer': { issuer: { ...forge(), name: commonName('another') } }
}

function everyExtension(): Buffer[] {
  return [
    extension('2.5.29.14', octets(Buffer.alloc(20, 0x11))),
    extension('2.5.29.35', sequence(element(0x80, Buffer.alloc(20, 0x22)))),
    extension('2.5.29.19', sequence(), true),
    extension('2.5.29.15', bits(Buffer.of(0xa0), 5), true),
    extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2'))),
    dnsNames('a.example', 'b.example'),
    extension('2.5.29.32', sequence(sequence(oid('2.23.140.1.2.2')))),
    extension(
      '2.5.29.31',
      sequence(
        sequence(
          element(0xa0, element(0xa0, uri('http://crl.example/1.crl'), uri('ldap://crl.example/o=1')))
        ),
        sequence(element(0xa0, element(0xa0, uri('http://crl.example/2.crl'))), element(0x81, [1, 0x60])),
        sequence(element(0xa2, element(0xa4, commonName('crl issuer'))))
      )
    ),
    extension(
      '1.3.6.1.5.5.7.1.1',
      sequence(
        sequence(oid('1.3.6.1.5.5.7.48.1'), uri('http://ocsp.example')),
        sequence(oid('1.3.6.1.5.5.7.48.2'), uri('http://ca.example/ca.cer')),
        sequence(oid('1.3.6.1.5.5.7.48.2'), element(0xa4, commonName('not a url'))),
        sequence(oid('1.2.3'), uri('http://other.example'))
      )
    ),
    extension('1.3.6.1.5.5.7.1.24', sequence(integer(5), integer(17))),
    extension('1.3.6.1.4.1.11129.2.4.2', octets(Buffer.alloc(120, 1)))
  ]
}

const rsaKey = (modulus: readonly number[]) =>
  sequence(
    sequence(oid('1.2.840.113549.1.1.1'), element(0x05)),
    bits(sequence(integer(...modulus), integer(1, 0, 1)))
  )

const keyRecipes = (): Record<string, Recipe> => ({
  'RSA 1024': { keys: generateKeyPairSync('rsa', { modulusLength: 1024 }) },
  'RSA 2048': { keys: generateKeyPairSync('rsa', { modulusLength: 2048 }) },
  'RSA 2049': { spki: rsaKey([0x01, ...Array.from({ length: 256 }, () => 0x55)]) },
  'RSA 4096': { spki: rsaKey([0, 0x80, ...Array.from({ length: 511 }, () => 0x55)]) },
  'P-256': { keys: generateKeyPairSync('ec', { namedCurve: 'P-256' }) },
  'P-384': { keys: generateKeyPairSync('ec', { namedCurve: 'P-384' }) },
  'P-521': { keys: generateKeyPairSync('ec', { namedCurve: 'P-521' }) },
  secp256k1: { keys: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }) },
  secp224r1: { keys: generateKeyPairSync('ec', { namedCurve: 'secp224r1' }) },
  brainpoolP384r1: { keys: generateKeyPairSync('ec', { namedCurve: 'brainpoolP384r1' }) },
  brainpoolP512t1: { keys: generateKeyPairSync('ec', { namedCurve: 'brainpoolP512t1' }) },
  sect283k1: { keys: generateKeyPairSync('ec', { namedCurve: 'sect283k1' }) },
  'a curve outside the table': { keys: generateKeyPairSync('ec', { namedCurve: 'secp160r1' }) },
  'explicit curve parameters': {
    keys: generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' })
  },
  'explicit binary curve': {
    keys: generateKeyPairSync('ec', { namedCurve: 'sect233r1', paramEncoding: 'explicit' })
  },
  'unknown curve': {
    spki: sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.2.3.4')), bits(Buffer.alloc(57, 4)))
  },
  Ed25519: { keys: generateKeyPairSync('ed25519') },
  'Ed448 key': { spki: generateKeyPairSync('ed448').publicKey.export({ type: 'spki', format: 'der' }) },
  'X25519 key': { spki: generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'der' }) },
  'DSA key': {
    spki: generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).publicKey.export({
      type: 'spki',
      format: 'der'
    })
  },
  'DSA key without parameters': { spki: sequence(sequence(oid('1.2.840.10040.4.1')), bits(integer(5))) },
  'RSA-PSS key': {
    spki: generateKeyPairSync('rsa-pss', { modulusLength: 1024 }).publicKey.export({
      type: 'spki',
      format: 'der'
    })
  },
  'unknown key algorithm': { spki: sequence(sequence(oid('1.2.3.4')), bits(Buffer.of(1, 2, 3))) },
  'RSA-PSS without parameters': { signature: sequence(oid('1.2.840.113549.1.1.10')) },
  'RSA-PSS with defaults': { signature: sequence(oid('1.2.840.113549.1.1.10'), sequence()) },
  'RSA-PSS with MD5': {
    signature: sequence(
      oid('1.2.840.113549.1.1.10'),
      sequence(element(0xa0, sequence(oid('1.2.840.113549.2.5'))))
    )
  },
  'RSA-PSS with SHA-384': {
    signature: sequence(
      oid('1.2.840.113549.1.1.10'),
      sequence(element(0xa0, sequence(oid('2.16.840.1.101.3.4.2.2'), element(5))), element(0xa2, integer(48)))
    )
  },
  'RSA-MD5': { signature: sequence(oid('1.2.840.113549.1.1.4'), element(0x05)) },
  'RSA-MD2': { signature: sequence(oid('1.2.840.113549.1.1.2'), element(0x05)) },
  'DSA-SHA256': { signature: sequence(oid('2.16.840.1.101.3.4.3.2')) },
  'unknown signature algorithm': { signature: sequence(oid('1.2.3.4.5.6.7')) }
})

/** Certificates that only the quick reader takes: OpenSSL, in the full one, refuses them. */
export const quickOnly: Readonly<Record<string, Recipe>> = {
  'an INTEGER with needless zeros': { serial: integer(0, 0, 1) },
  'UTCTime without seconds': { notBefore: utcTime('2501010203Z') },
  'GeneralizedTime without a zone': { notBefore: generalizedTime('20250101020304') },
  'invalid UTF-8 in a name': { subject: sequence(rdn('2.5.4.3', element(0x0c, [0x41, 0xff, 0x42]))) },
  'BMPString of an odd length': { subject: sequence(rdn('2.5.4.3', element(0x1e, [0x41, 0x41, 0x41]))) },
  'UniversalString beyond Unicode': { subject: sequence(rdn('2.5.4.3', element(0x1c, [0x7f, 0, 0, 0]))) },
  'a name value of type INTEGER': { subject: sequence(rdn('2.5.4.3', integer(5))) }
}

const name = commonName('forged.example')
const wide = (der: Buffer) => Buffer.concat([der.subarray(0, 1), Buffer.of(0x81), der.subarray(1)])
const openEnded = (der: Buffer) =>
  Buffer.concat([der.subarray(0, 1), Buffer.of(0x80), der.subarray(2), Buffer.alloc(2)])

/** Certificates that only the full reader takes: they hold BER that is no DER. */
export const fullOnly: Readonly<Record<string, Recipe>> = {
  'an indefinite length': { subject: openEnded(name) },
  'a length that is not minimal': { subject: wide(name) }
}

/** Certificates with an extension that is broken for the quick reader alone. */
export const brokenForQuick: Readonly<Record<string, Recipe>> = {
  'bytes behind a value': {
    extensions: [extension('2.5.29.19', Buffer.concat([sequence(boolean(255)), Buffer.of(5, 0)]))]
  },
  'a wide length in a value': { extensions: [extension('2.5.29.19', wide(sequence(boolean(255))))] }
}

/** Certificates made by hand. */
export function forgedZoo(): Zoo {
  const all = Object.entries({ ...recipes, ...keyRecipes() })
  return new Map(all.map(([name, recipe]) => [name, forge(recipe).der]))
}
