// One real server for each finding, which shows it, beside one in good order, which shows none.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findingCodes, type FindingCode } from '../../sensor/inventory/findings/codes.ts'
import {
  type Certificate,
  type CertificateOptions,
  createAuthority,
  createCertificate
} from '../peers/certificates.ts'
import type { Peer } from '../peers/peer.ts'
import { lenient, startTls, type TlsServer } from '../peers/tls.ts'
import { createBench, jsonLines } from './cli.ts'

const day = 86_400_000
const now = Date.now()

const publicRoot = createAuthority('Public Root', { notBefore: now - 900 * day })
const below = { issuer: publicRoot, authority: { pathLength: 0 } } as const
const issuer = createAuthority('Public Issuer', { ...below, notBefore: now - 800 * day })
const rsaIssuer = createAuthority('Public RSA Issuer', { ...below, key: 'rsa2048' })
const lab = createAuthority('Unknown Lab')
const usual = {
  issuer,
  notBefore: now - 10 * day,
  notAfter: now + 80 * day,
  purposes: ['serverAuth']
} as const

const leaf = (name: string, more: CertificateOptions = {}): Certificate =>
  createCertificate({ names: [name], ...usual, ...more })

/** both key types, so that no twin is missing */
const both = (name: string, more: CertificateOptions = {}): TlsServer => ({
  show: [leaf(name, more), leaf(name, { ...more, key: 'rsa2048' })]
})

const chained = (certificate: Certificate, ...chain: Certificate[]): TlsServer => ({
  show: [certificate],
  chain: [certificate, ...chain]
})

interface Case {
  readonly server: TlsServer
  /** exactly these, besides a missing twin */
  readonly shows: readonly FindingCode[]
  /** host name to scan instead of the address */
  readonly name?: string
}

const expiredIssuer = createAuthority('Expired Issuer', {
  ...below,
  notBefore: now - 800 * day,
  notAfter: now - day
})
const sharedKey = createCertificate({}).key

const cases: Record<string, Case> = {
  good: { server: both('localhost'), shows: [], name: 'localhost' },
  expired: {
    server: both('old.test', { notBefore: now - 95 * day, notAfter: now - 5 * day }),
    shows: ['expired']
  },
  'expires soon': {
    server: both('soon.test', { notBefore: now - 70 * day, notAfter: now + 20 * day }),
    shows: ['expires-soon']
  },
  'not yet valid': {
    server: both('early.test', { notBefore: now + 2 * day, notAfter: now + 90 * day }),
    shows: ['not-yet-valid']
  },
  'name mismatch': { server: both('other.test'), shows: ['name-mismatch'], name: 'localhost' },
  'self-signed': { server: { show: [createCertificate({ names: ['self.test'] })] }, shows: ['self-signed'] },
  'chain incomplete': { server: chained(leaf('alone.test')), shows: ['chain-incomplete'] },
  'wrong order': {
    server: chained(leaf('order.test'), publicRoot, issuer),
    shows: ['chain-wrong-order']
  },
  'expired intermediate': {
    server: { show: [leaf('chain.test', { issuer: expiredIssuer })] },
    shows: ['expired-intermediate']
  },
  'untrusted root': {
    server: chained(createCertificate({ names: ['lab.test'], issuer: lab, purposes: ['serverAuth'] }), lab),
    shows: ['untrusted-root']
  },
  'weak key': {
    server: { show: [leaf('weak.test', { key: 'rsa1024' })], ciphers: lenient },
    shows: ['weak-key']
  },
  'SHA-1': {
    server: { show: [leaf('sha1.test', { hash: 'sha1' })], ciphers: lenient },
    shows: ['sha1-signature']
  },
  MD5: {
    server: { show: [leaf('md5.test', { hash: 'md5', issuer: rsaIssuer })], ciphers: lenient },
    shows: ['md5-signature']
  },
  'long validity': {
    server: both('long.test', { notBefore: now - 10 * day, notAfter: now + 500 * day }),
    shows: ['long-validity']
  },
  'old protocol': {
    server: { ...both('tls10.test'), minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: lenient },
    shows: ['old-protocol']
  },
  'the same key twice': {
    server: { show: [leaf('key1.test', { key: sharedKey }), leaf('key1.test', { key: 'rsa2048' })] },
    shows: ['same-key']
  },
  'the same key again': {
    server: { show: [leaf('key2.test', { key: sharedKey }), leaf('key2.test', { key: 'rsa2048' })] },
    shows: ['same-key']
  },
  'no twin': { server: { show: [leaf('single.test')] }, shows: ['missing-twin'] },
  'client authentication': {
    server: both('client.test', { purposes: ['serverAuth', 'clientAuth'] }),
    shows: ['client-auth']
  }
}

const bench = createBench()
t.teardown(() => bench.remove())
const peers = new Map<string, Peer>()
t.teardown(() => Promise.all([...peers.values()].map((peer) => peer.close())))

interface Shown {
  readonly code: FindingCode
  readonly reason: string
  readonly remedy: string
}

/** what the inventory says about a port, under whatever name */
async function inventory(env: Readonly<Record<string, string>>): Promise<Map<number, Shown[]>> {
  const { code, stdout, stderr } = await bench.run(['inventory', '--json', '--limit', '1000'], { env })
  t.equal(code, 0, stderr)
  const endpoints = jsonLines(stdout).filter(({ type }) => type === 'endpoint')
  const found = new Map<number, Shown[]>()
  for (const { port, findings } of endpoints as unknown as { port: number; findings: Shown[] }[]) {
    found.set(port, [...(found.get(port) ?? []), ...findings])
  }
  return found
}

t.test('each finding has a server that shows it, and only it', async (t) => {
  mkdirSync(bench.state, { recursive: true })
  // the root stands in the system store of this scan, so that it is a public one
  const store = join(bench.state, '..', 'public.pem')
  writeFileSync(store, publicRoot.pem)
  const targets: string[] = []
  for (const [what, { server, name = '127.0.0.1' }] of Object.entries(cases)) {
    const peer = await startTls(server)
    peers.set(what, peer)
    targets.push(`${name}:${peer.port}`)
  }
  const env = { SSL_CERT_FILE: store }
  const { code, stderr } = await bench.run(['scan', ...targets], { env })
  t.equal(code, 0, stderr)
  const found = await inventory(env)
  const covered = new Set<string>()
  for (const [what, { server, shows }] of Object.entries(cases)) {
    const findings = found.get(peers.get(what)?.port ?? 0) ?? []
    const codes = findings.map(({ code }) => code)
    const wanted = server.show.length === 1 ? [...shows, 'missing-twin'] : shows
    t.same([...new Set(codes)].toSorted(), [...new Set(wanted)].toSorted(), what)
    for (const { code, reason, remedy } of findings) {
      covered.add(code)
      t.ok(reason.endsWith('.') && remedy.endsWith('.'), `${what}: ${reason} ${remedy}`)
    }
  }
  // a server's certificate that no reader accepts makes no certificate to find fault with: see the unit tests;
  // a chain that breaks the rules of its issuer needs a forged one, there too
  const broken = ['unreadable-certificate', 'chain-broken']
  // nor do answers without a certificate make one
  const answers = ['name-required', 'refused-by-alert', 'broken-tls', 'no-certificate']
  // nor does a scan see these: they take a closer look
  const closer = ['revoked', 'weak-protocol', 'weak-suite', 'weak-key-exchange', 'weak-tls-setting']
  const elsewhere = [...broken, ...answers, ...closer]
  t.same(
    [...covered].toSorted(),
    Object.keys(findingCodes)
      .filter((code) => !elsewhere.includes(code))
      .toSorted()
  )
})
