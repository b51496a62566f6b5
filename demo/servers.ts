import { type Certificate, createAuthority, createCertificate } from '../test/peers/certificates.ts'
import type { Pairs } from '../test/peers/hosts/program.ts'
import type { Peer, Where } from '../test/peers/peer.ts'
import { preludes, startStartTls } from '../test/peers/starttls.ts'
import { lenient, startTls, type TlsServer } from '../test/peers/tls.ts'

const day = 86_400_000

/** One server of the demo. */
export interface DemoServer {
  /** what is special about it */
  readonly about: string
  /** server names that the scan is told to ask it for */
  readonly names: readonly string[]
  start(where: Where): Promise<Peer>
}

/** One server of the demo whose certificate is replaced. */
export interface ManagedServer {
  /** what it is called as a device */
  readonly device: string
  readonly name: string
  readonly program: 'files' | 'nginx' | 'haproxy' | 'big-ip'
  readonly pairs: Pairs
  /** keys of the certificate that it shall get */
  readonly keyTypes: readonly ('ec-p256' | 'rsa-2048' | 'rsa-3072')[]
  /** RSA keys of more bits it refuses */
  readonly mostBits?: number
  /** how its replacement ends */
  readonly ends: 'live' | 'rolled-back'
}

/** The servers of the demo, and the root that stands for the company's own authority. */
export interface DemoSite {
  readonly root: Certificate
  readonly servers: readonly DemoServer[]
  readonly managed: readonly ManagedServer[]
}

type CertificateOptions = NonNullable<Parameters<typeof createCertificate>[0]>
type Leaf = (name: string, more?: CertificateOptions) => Certificate

/** A small data centre: some of it in order, most of it as one finds it. `now` decides what has expired. */
export function createSite(now: number): DemoSite {
  const root = createAuthority('Example Root CA', { notBefore: now - 900 * day })
  const below = { issuer: root, authority: { pathLength: 0 } } as const
  const issuer = createAuthority('Example CA', { ...below, notBefore: now - 800 * day })
  const leaf: Leaf = (name, more = {}) =>
    createCertificate({ names: [name], issuer, notBefore: now - 12 * day, notAfter: now + 78 * day, ...more })
  return {
    root,
    servers: [...ordinary(leaf), ...brokenServers(leaf, root)],
    managed: managedServers((name, left, key = 'p256') =>
      leaf(name, { key, notBefore: now + (left - 90) * day, notAfter: now + left * day })
    )
  }
}

function ordinary(leaf: Leaf): DemoServer[] {
  return [
    server('RSA and ECDSA side by side', {
      show: [leaf('www.example'), leaf('www.example', { key: 'rsa2048' })]
    }),
    server(
      'another certificate for each name',
      { show: [leaf('shop.example')], byName: { 'api.example': leaf('api.example') } },
      ['shop.example', 'api.example']
    ),
    {
      about: 'SMTP, TLS by STARTTLS',
      names: [],
      start: (where) => startStartTls(preludes.smtp, leaf('mx.example'), where)
    },
    server('wants a client certificate', { show: [leaf('admin.example')], requestCert: true })
  ]
}

/** `left`: days until it expires, of 90 */
type AgedLeaf = (name: string, left: number, key?: 'p256' | 'rsa2048') => Certificate

function managedServers(leaf: AgedLeaf): ManagedServer[] {
  const one = (name: string, left: number): ManagedServer => ({
    device: name,
    name: `${name}.example`,
    program: 'files',
    pairs: { ecdsa: leaf(`${name}.example`, left) },
    keyTypes: ['ec-p256'],
    ends: 'live'
  })
  const portal = 'portal.example'
  return [
    one('wiki', -5),
    one('vpn', 3),
    one('intranet', 20),
    { ...one('cart', 6), program: 'haproxy' },
    {
      ...one('portal', 9),
      program: 'nginx',
      pairs: { ecdsa: leaf(portal, 9), rsa: leaf(portal, 9, 'rsa2048') },
      keyTypes: ['ec-p256', 'rsa-2048']
    },
    {
      ...one('store', 4),
      program: 'big-ip',
      pairs: { rsa: leaf('store.example', 4, 'rsa2048') },
      keyTypes: ['rsa-2048']
    },
    {
      ...one('plant', 5),
      pairs: { rsa: leaf('plant.example', 5, 'rsa2048') },
      keyTypes: ['rsa-3072'],
      mostBits: 2048,
      ends: 'rolled-back'
    }
  ]
}

function brokenServers(leaf: Leaf, root: Certificate): DemoServer[] {
  const alone = leaf('files.example')
  const lab = createAuthority('Forgotten Lab CA')
  const foreign = createCertificate({ names: ['lab.example'], issuer: lab })
  const outdated = { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: lenient } as const
  return [
    server('shows the certificate of another site', { show: [leaf('old-shop.example')] }, [
      'new-shop.example'
    ]),
    server('self-signed', { show: [createCertificate({ names: ['printer.example'] })] }),
    server('forgets its intermediate', { show: [alone], chain: [alone] }),
    server('signed by an authority that nobody knows', { show: [foreign], chain: [foreign, lab] }),
    server('weak key, SHA-1', {
      show: [leaf('camera.example', { key: 'rsa1024', issuer: root, hash: 'sha1' })],
      ciphers: lenient
    }),
    server('speaks TLS 1.0 only', { show: [leaf('plc.example', { key: 'rsa2048' })], ...outdated })
  ]
}

function server(about: string, how: TlsServer, names: readonly string[] = []): DemoServer {
  return { about, names, start: (where) => startTls(how, where) }
}
