// The certificates that tests are made with are what was asked for, by readers that are none of ours.
import { X509Certificate, createPublicKey } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import t from 'tap'
import {
  type Certificate,
  type CertificateOptions,
  createAuthority,
  createCertificate
} from '../peers/certificates.ts'
import type { KeyKind } from '../peers/keys.ts'
import { opensslMissing } from '../peers/openssl.ts'
import { skipWithout } from '../peers/row.ts'
import { createTestbed } from '../peers/testbed.ts'

const bed = createTestbed()
const noOpenssl = skipWithout(opensslMissing())
const signedBy = (one: Certificate, issuer: Certificate) =>
  new X509Certificate(one.der).verify(createPublicKey(issuer.key))
const text = ({ pem }: Certificate) =>
  execFileSync('openssl', ['x509', '-noout', '-text'], { input: pem }).toString()

t.test('every kind of key signs itself, and is signed by an authority of the other kind', (t) => {
  const kinds: readonly (readonly [KeyKind, string])[] = [
    ['rsa1024', 'rsa'],
    ['rsa2048', 'rsa'],
    ['rsa-pss', 'rsa-pss'],
    ['p224', 'ec'],
    ['p256', 'ec'],
    ['p384', 'ec'],
    ['p521', 'ec'],
    ['secp256k1', 'ec'],
    ['brainpool256', 'ec'],
    ['ed25519', 'ed25519'],
    ['ed448', 'ed448'],
    ['dsa1024', 'dsa']
  ]
  for (const [key, type] of kinds) {
    const self = createCertificate({ key, names: ['a.test'] })
    t.equal(new X509Certificate(self.der).publicKey.asymmetricKeyType, type, key)
    t.ok(signedBy(self, self), `${key} signs itself`)
    const below = createCertificate({
      key: self.key,
      names: ['a.test'],
      issuer: type === 'ec' ? bed.rsaIssuer : bed.ecdsaIssuer
    })
    t.ok(signedBy(below, below.issuer ?? below), `${key} is signed by an authority`)
  }
  t.end()
})

t.test('a digest is the one that was asked for', { skip: noOpenssl }, (t) => {
  const seen = (options: CertificateOptions) =>
    /Signature Algorithm: (\S+)/.exec(text(createCertificate(options)))?.[1]
  t.equal(seen({ key: 'rsa1024', hash: 'md5' }), 'md5WithRSAEncryption')
  t.equal(seen({ key: 'rsa1024', hash: 'sha1' }), 'sha1WithRSAEncryption')
  t.equal(seen({ key: 'rsa1024', hash: 'sha384' }), 'sha384WithRSAEncryption')
  t.equal(seen({ hash: 'sha1' }), 'ecdsa-with-SHA1')
  t.equal(seen({ hash: 'sha512' }), 'ecdsa-with-SHA512')
  t.equal(seen({ key: 'rsa-pss' }), 'rsassaPss')
  t.end()
})

t.test('openssl finds in a certificate what was put into it', { skip: noOpenssl }, (t) => {
  const certificate = createCertificate({
    issuer: bed.ecdsaIssuer,
    commonName: 'Common name',
    organization: 'Organization',
    serial: '0abc',
    names: ['one.test', '*.two.test'],
    ips: ['192.0.2.1', '2001:db8::1'],
    emails: ['who@three.test'],
    uris: ['spiffe://four.test/x'],
    purposes: ['serverAuth', 'clientAuth'],
    mustStaple: true,
    ocspUrls: ['http://ocsp.test/'],
    issuerUrls: ['http://issuer.test/ca.der'],
    crlUrls: ['http://crl.test/list.crl'],
    policies: ['2.23.140.1.2.1'],
    scts: true,
    notBefore: Date.UTC(2026, 0, 2, 3, 4, 5),
    notAfter: Date.UTC(2055, 5, 6, 7, 8, 9)
  })
  const said = text(certificate)
  const parts = [
    'Issuer: CN = Peers ECDSA issuer',
    'Subject: O = Organization, CN = Common name',
    'Serial Number: 2748 (0xabc)',
    'DNS:one.test, DNS:*.two.test, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1',
    'email:who@three.test, URI:spiffe://four.test/x',
    'TLS Web Server Authentication, TLS Web Client Authentication',
    'CA:FALSE',
    'status_request',
    'OCSP - URI:http://ocsp.test/',
    'CA Issuers - URI:http://issuer.test/ca.der',
    'URI:http://crl.test/list.crl',
    'Policy: 2.23.140.1.2.1',
    'CT Precertificate SCTs',
    'Not Before: Jan  2 03:04:05 2026 GMT',
    'Not After : Jun  6 07:08:09 2055 GMT'
  ]
  t.same(
    parts.filter((part) => !said.includes(part)),
    [],
    'nothing is missing',
    { said }
  )
  t.end()
})

t.test('a certificate without options is short-lived, unnamed and of P-256', (t) => {
  const plain = new X509Certificate(createCertificate().der)
  const days = (plain.validToDate.getTime() - plain.validFromDate.getTime()) / 86_400_000
  t.equal(days, 61)
  t.equal(plain.subject ?? '', '')
  t.equal(plain.subjectAltName, undefined)
  t.equal(plain.ca, false)
  t.end()
})

t.test('a chain leads from the leaf to below the root', (t) => {
  const { rsa, rsaIssuer, rsaRoot } = bed
  t.same(rsa.chain, [rsa, rsaIssuer])
  t.same(rsaRoot.chain, [rsaRoot])
  t.ok(signedBy(rsa, rsaIssuer) && signedBy(rsaIssuer, rsaRoot) && signedBy(rsaRoot, rsaRoot))
  t.ok(new X509Certificate(rsa.der).checkIssued(new X509Certificate(rsaIssuer.der)))
  t.ok(new X509Certificate(rsaIssuer.der).ca)
  t.equal(new X509Certificate(rsa.pem).fingerprint256.replaceAll(':', '').toLowerCase(), rsa.fingerprint)
  t.end()
})

t.test('keys are fresh, unless one is given', (t) => {
  const [one, other] = [createCertificate(), createCertificate()]
  t.notSame(one.keyPem, other.keyPem)
  t.equal(createCertificate({ key: one.key }).keyPem, one.keyPem)
  t.equal(createAuthority('Again', { key: one.key, issuer: bed.rsaRoot }).keyPem, one.keyPem)
  t.end()
})

t.test('a certificate with very many names has 57 kB', (t) => {
  const names = Array.from({ length: 2_000 }, (_, at) => `host-${at}.department.peer.test`)
  t.ok(createCertificate({ names }).der.length > 57_000)
  t.end()
})
