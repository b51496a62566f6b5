import type { TlsOptions } from 'node:tls'
import {
  type Certificate,
  type CertificateOptions,
  createAuthority,
  createCertificate
} from './certificates.ts'
import { type Expectation, type PeerRow, type SClientLook, row, shows } from './row.ts'
import { type Testbed, ownNames } from './testbed.ts'
import { type TlsServer, lenient, startTls } from './tls.ts'
import { version } from './wire.ts'

/** Real TLS servers, in this process by Node. */
export function tlsRows(bed: Testbed): PeerRow[] {
  return [...versionRows(bed), ...groupRows(bed), ...certificateRows(bed), ...keyRows(bed), ...nameRows(bed)]
}

/** A row for a server; openssl looks at it with the arguments, or not at all when there are none to be had. */
function tlsRow(
  name: string,
  server: TlsServer,
  more: Partial<Expectation> = {},
  args: readonly string[] | null = []
): PeerRow {
  const expect = { ...shows(server.show.slice(0, 1)), ...more }
  const leaf = expect.leafs[0]
  const sclient = args === null || leaf === undefined ? [] : [{ args, leaf }]
  return row({ name, family: 'tls', expect, sclient, start: (where) => startTls(server, where) })
}

// openssl's own defaults refuse what is old
const loose = ['-cipher', 'ALL:@SECLEVEL=0']

function versionRows({ rsa, ecdsa }: Testbed): PeerRow[] {
  const only = (one: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3', more: TlsOptions = {}): TlsServer => ({
    show: [rsa],
    minVersion: one,
    maxVersion: one,
    ...more
  })
  const old = { ciphers: lenient }
  return [
    tlsRow('good-rsa', { show: [rsa] }, { version: version.tls13 }),
    tlsRow('good-ecdsa', { show: [ecdsa] }, { version: version.tls13 }),
    tlsRow('tls10-only', only('TLSv1', old), { version: version.tls10 }, ['-tls1', ...loose]),
    tlsRow('tls11-only', only('TLSv1.1', old), { version: version.tls11 }, ['-tls1_1', ...loose]),
    tlsRow('tls12-only', only('TLSv1.2'), { version: version.tls12 }),
    tlsRow('tls13-only', only('TLSv1.3'), { version: version.tls13 }),
    tlsRow(
      'rsa-key-exchange-only',
      only('TLSv1.2', { ciphers: 'AES128-SHA' }),
      { version: version.tls12 },
      loose
    ),
    tlsRow('dhe-only', only('TLSv1.2', { ciphers: 'DHE-RSA-AES128-GCM-SHA256', dhparam: 'auto' }), {
      version: version.tls12
    }),
    tlsRow(
      'cbc-sha-only',
      only('TLSv1.2', { ciphers: 'ECDHE-RSA-AES128-SHA' }),
      { version: version.tls12 },
      loose
    ),
    tlsRow('chacha20-only', only('TLSv1.3', { ciphers: 'TLS_CHACHA20_POLY1305_SHA256' }), {
      version: version.tls13
    }),
    tlsRow('aes256-only', only('TLSv1.3', { ciphers: 'TLS_AES_256_GCM_SHA384' }), { version: version.tls13 })
  ]
}

/** Servers that speak TLS 1.3 with one group only. */
function groupRows({ ecdsa }: Testbed): PeerRow[] {
  const only = (ecdhCurve: string): TlsServer => ({ show: [ecdsa], minVersion: 'TLSv1.3', ecdhCurve })
  return [
    ...['P-256', 'P-384', 'P-521', 'X25519', 'X448'].map((group) =>
      tlsRow(`tls13-${group.toLowerCase().replace('-', '')}-only`, only(group), { version: version.tls13 })
    ),
    ...['ffdhe2048', 'ffdhe3072', 'brainpoolP256r1tls13', 'brainpoolP512r1tls13'].map((group) =>
      tlsRow(`tls13-${group.toLowerCase()}-only`, only(group), { version: version.tls13 }, null)
    ),
    // openssl 3.0 makes no post-quantum shares
    ...['X25519MLKEM768', 'SecP256r1MLKEM768', 'SecP384r1MLKEM1024', 'MLKEM768', 'MLKEM1024'].map((group) =>
      tlsRow(`tls13-${group.toLowerCase()}-only`, only(group), { version: version.tls13 }, null)
    )
  ]
}

/** Servers that differ in what their certificates say. */
function certificateRows(bed: Testbed): PeerRow[] {
  const day = 86_400_000
  const now = Date.now()
  const leaf = (options: CertificateOptions) =>
    createCertificate({ ...ownNames, issuer: bed.ecdsaIssuer, ...options })
  const expiredIssuer = createAuthority('Peers expired issuer', {
    issuer: bed.ecdsaRoot,
    notBefore: now - 400 * day,
    notAfter: now - 30 * day
  })
  const one = (name: string, certificate: Certificate, more: Partial<TlsServer> = {}) =>
    tlsRow(
      name,
      { show: [certificate], ...more },
      more.chain ? { chains: [more.chain.map(({ fingerprint }) => fingerprint)] } : {}
    )
  const stranger = createCertificate({ ...ownNames, commonName: 'Stranger' })
  return [
    one('expiring', leaf({ notBefore: now - 85 * day, notAfter: now + 5 * day })),
    one('expired', leaf({ notBefore: now - 90 * day, notAfter: now - day })),
    one('not-yet-valid', leaf({ notBefore: now + 2 * day, notAfter: now + 90 * day })),
    one('name-mismatch', leaf({ names: ['other.test'], ips: [] })),
    one('no-alternative-names', leaf({ names: [], ips: [], commonName: 'peer.test' })),
    one('self-signed', createCertificate({ ...ownNames })),
    one('five-years', leaf({ notBefore: now - 10 * day, notAfter: now + 1815 * day })),
    one('client-purpose', leaf({ purposes: ['serverAuth', 'clientAuth'], scts: true })),
    one('must-staple', leaf({ mustStaple: true, ocspUrls: ['http://127.0.0.1:1/ocsp'] })),
    one('chain-incomplete', bed.ecdsa, { chain: [bed.ecdsa] }),
    one('chain-with-root', bed.ecdsa, { chain: [...bed.ecdsa.chain, bed.ecdsaRoot] }),
    one('chain-with-stranger', bed.ecdsa, { chain: [bed.ecdsa, stranger, bed.ecdsaIssuer] }),
    one('issuer-expired', leaf({ issuer: expiredIssuer })),
    one('chain-of-10', longChain(bed.ecdsaRoot)),
    one(
      'certificate-of-57-kb',
      leaf({ names: Array.from({ length: 2_000 }, (_, at) => `host-${at}.department.peer.test`) })
    )
  ]
}

/** A leaf below nine intermediates. */
function longChain(root: Certificate): Certificate {
  let issuer = root
  for (let depth = 1; depth <= 9; depth++) issuer = createAuthority(`Peers issuer ${depth}`, { issuer })
  return createCertificate({ ...ownNames, issuer })
}

/** Servers that differ in the key of their certificate and in how it is signed. */
function keyRows({ rsaIssuer, ecdsaIssuer, rsa, ecdsa }: Testbed): PeerRow[] {
  const of = (options: CertificateOptions) =>
    createCertificate({ ...ownNames, issuer: ecdsaIssuer, ...options })
  const weak = (name: string, options: CertificateOptions) =>
    tlsRow(name, { show: [of({ issuer: rsaIssuer, ...options })], ciphers: lenient }, {}, loose)
  const strong = (name: string, options: CertificateOptions, more: Partial<TlsServer> = {}) =>
    tlsRow(name, { show: [of(options)], ...more })
  return [
    weak('rsa-1024', { key: 'rsa1024' }),
    weak('sha1-signed', { key: 'rsa2048', hash: 'sha1' }),
    weak('md5-signed', { key: 'rsa2048', hash: 'md5' }),
    strong('rsa-4096', { key: 'rsa4096' }),
    strong('rsa-pss-key', { key: 'rsa-pss' }),
    strong('p384-key', { key: 'p384', hash: 'sha384' }),
    strong('p521-key', { key: 'p521' }),
    strong('ed25519-key', { key: 'ed25519' }),
    strong('ed448-key', { key: 'ed448' }),
    dualRow('rsa-and-ecdsa', { show: [rsa, ecdsa] }),
    dualRow('rsa-and-ecdsa-up-to-tls12', { show: [rsa, ecdsa], maxVersion: 'TLSv1.2' })
  ]
}

/** Looks at the RSA and at the ECDSA certificate of one server. */
export function looksByKey(rsa: Certificate, ecdsa: Certificate): SClientLook[] {
  return [
    { args: ['-sigalgs', 'rsa_pss_rsae_sha256:RSA+SHA256', '-cipher', 'aRSA'], leaf: rsa.fingerprint },
    { args: ['-sigalgs', 'ECDSA+SHA256', '-cipher', 'aECDSA'], leaf: ecdsa.fingerprint }
  ]
}

function dualRow(name: string, server: TlsServer): PeerRow {
  const [rsa, ecdsa] = server.show
  const sclient = rsa && ecdsa ? looksByKey(rsa, ecdsa) : []
  return row({
    name,
    family: 'tls',
    expect: shows(server.show),
    sclient,
    start: (where) => startTls(server, where)
  })
}

/** Servers that answer by name, that ask the client for a certificate, and one on IPv6. */
function nameRows({ rsa, ecdsa, ecdsaIssuer, ecdsaRoot }: Testbed): PeerRow[] {
  const shop = createCertificate({ names: ['shop.test', 'www.shop.test'], issuer: ecdsaIssuer })
  const byName = { show: [ecdsa], byName: { 'shop.test': shop } }
  const asks = { show: [rsa], requestCert: true, ca: [ecdsaRoot.pem] }
  const start: PeerRow['start'] = (where) => startTls(byName, where)
  return [
    row({ name: 'by-name-without', family: 'tls', expect: shows([ecdsa]), start, sclient: [look(ecdsa)] }),
    row({
      name: 'by-name-shop',
      family: 'tls',
      expect: shows([shop]),
      start,
      serverName: 'shop.test',
      sclient: [look(shop, '-servername', 'shop.test')]
    }),
    tlsRow('client-certificate-required', { ...asks, rejectUnauthorized: true }),
    tlsRow(
      'client-certificate-required-up-to-tls12',
      { ...asks, rejectUnauthorized: true, maxVersion: 'TLSv1.2' },
      { clientCertificate: true }
    ),
    tlsRow('client-certificate-wanted', { ...asks, rejectUnauthorized: false }),
    row({
      name: 'ipv6',
      family: 'tls',
      expect: shows([ecdsa]),
      sclient: [look(ecdsa)],
      start: (where) => startTls({ show: [ecdsa] }, { host: '::1', ...where })
    })
  ]
}

const look = (seen: Certificate, ...args: string[]): SClientLook => ({ args, leaf: seen.fingerprint })
