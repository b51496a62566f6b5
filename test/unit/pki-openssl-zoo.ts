import { generateKeyPairSync } from 'node:crypto'
import type { OpenSsl } from './pki-openssl.ts'
import type { Zoo } from './pki-zoo.ts'

const configuration = `
[req]
distinguished_name = subject
prompt = no
utf8 = yes
string_mask = STRINGS
[subject]
C = DE
O = Müller & Söhne
CN = www.example.org
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth, codeSigning, emailProtection, timeStamping, OCSPSigning, ipsecIKE, msSmartcardLogin, msSGC, nsSGC, anyExtendedKeyUsage, 1.2.3.4
subjectAltName = DNS:www.example.org, DNS:*.example.org, IP:192.0.2.7, IP:2001:db8::7, email:root@example.org, URI:https://example.org/, RID:1.2.3, dirName:subject, otherName:1.2.3.4;UTF8:other
authorityInfoAccess = caIssuers;URI:http://ca.example/ca.der, OCSP;URI:http://ocsp.example/
crlDistributionPoints = URI:http://crl.example/ca.crl, URI:ldap://crl.example/
certificatePolicies = 2.23.140.1.2.2, @policy
tlsfeature = status_request, 17
subjectKeyIdentifier = hash
nsComment = made for a test
noCheck = ignored
[policy]
policyIdentifier = 1.3.5.8
CPS.1 = https://cps.example/
userNotice.1 = @notice
[notice]
explicitText = UTF8:Bitte lesen
organization = Example
noticeNumbers = 1, 2
[ca]
basicConstraints = critical, CA:TRUE, pathlen:2
keyUsage = critical, keyCertSign, cRLSign
nameConstraints = critical, permitted;DNS:example.org, excluded;IP:10.0.0.0/255.0.0.0
policyConstraints = requireExplicitPolicy:3
inhibitAnyPolicy = 2
issuerAltName = URI:https://issuer.example/
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always, issuer:always
`

/** Certificates made by the openssl program: algorithms, string types and extensions as it writes them. */
export function openSslZoo(program: OpenSsl): Zoo {
  const zoo = new Map<string, Buffer>()
  const keys = {
    RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ECDSA: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    DSA: generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }),
    Ed25519: generateKeyPairSync('ed25519'),
    Ed448: generateKeyPairSync('ed448')
  }
  for (const [name, { privateKey }] of Object.entries(keys)) {
    program.write(`${name}.pem`, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  }
  const make = (name: string, key: keyof typeof keys, mask: string, ...options: string[]) => {
    program.write('req.conf', configuration.replace('STRINGS', mask))
    const args = ['-x509', '-new', '-config', 'req.conf', '-key', `${key}.pem`, '-outform', 'DER', ...options]
    zoo.set(name, program.run('req', ...args))
  }
  for (const hash of ['MD5', 'SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512', 'SHA3-256']) {
    make(`RSA-${hash}`, 'RSA', 'utf8only', `-${hash.toLowerCase()}`)
  }
  for (const hash of ['SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512', 'SHA3-384']) {
    make(`ECDSA-${hash}`, 'ECDSA', 'utf8only', `-${hash.toLowerCase()}`)
  }
  make('DSA-SHA256', 'DSA', 'utf8only', '-sha256')
  make('Ed25519', 'Ed25519', 'utf8only')
  make('Ed448', 'Ed448', 'utf8only')
  const pss = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest']
  for (const hash of ['1', '256', '512'])
    make(`RSA-PSS SHA-${hash}`, 'RSA', 'utf8only', `-sha${hash}`, ...pss)
  make('BMPString', 'RSA', 'MASK:0x800')
  make('T61String', 'RSA', 'MASK:0x4')
  make('as openssl chooses', 'RSA', 'default')
  make('a server certificate', 'RSA', 'utf8only', '-extensions', 'server', '-days', '90')
  make('a CA certificate', 'ECDSA', 'utf8only', '-extensions', 'ca', '-days', '36500')
  make('negative serial', 'ECDSA', 'utf8only', '-set_serial', '-12345')
  make('no subject', 'ECDSA', 'utf8only', '-subj', '/')
  return zoo
}
