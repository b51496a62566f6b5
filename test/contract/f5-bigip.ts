import { createPublicKey, hash } from 'node:crypto'
import type { Access, BundleItem, Json, KeyFamily } from '../../connectors/contract.ts'
import { f5BigIp } from '../../connectors/f5-bigip/index.ts'
import { systemClock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import { readCsr } from '../../pki/csr.ts'
import { readPem } from '../../pki/pem.ts'
import { type Certificate, createAuthority, createCertificate, pemOf } from '../peers/certificates.ts'
import { shakeHands, shownAt } from '../peers/handshake.ts'
import { freePort } from '../peers/ports.ts'
import { BigIp, type BigIpOptions } from '../simulators/f5-bigip/big-ip.ts'
import { type BigIpPair, type PairOptions, startPair } from '../simulators/f5-bigip/pair.ts'
import type { Seed } from '../simulators/f5-bigip/seed.ts'
import type { BadAccess, World, WorldKind } from './world.ts'

const names = ['shop.test', 'www.shop.test']
const target = '/Prod/shop'
const password = 'demo-Admin-1'

const badSettings: WorldKind['badSettings'] = (good) => {
  const rest = good as Record<string, Json>
  return [
    { what: 'no address', settings: { ...rest, address: '' } },
    { what: 'an address that is none', settings: { ...rest, address: 'a/b' } },
    { what: 'a port that is none', settings: { ...rest, port: 70_000 } },
    {
      what: 'the same unit twice',
      settings: { ...rest, peerAddress: '127.0.0.1', peerPort: rest['port'] ?? 443 }
    },
    { what: 'an authority that is none', settings: { ...rest, authority: 'x' } },
    { what: 'a name that is none', settings: { ...rest, adress: 'x' } },
    { what: 'no object', settings: 'x' }
  ]
}

const badAccess: readonly BadAccess[] = [
  {
    what: 'another password is a refused sign-in',
    code: 'device-sign-in',
    of: (access) => ({ ...access, secret: () => new Secret('another') })
  },
  {
    what: 'a login provider that is none is a refused sign-in',
    code: 'device-sign-in',
    of: (access) => changedSettings(access, { loginProvider: 'other' })
  },
  {
    what: 'no password at all is wrong settings',
    code: 'settings-malformed',
    of: (access) => ({ ...access, secret: () => undefined })
  },
  {
    what: 'a port where nobody listens is unreachable',
    code: 'device-unreachable',
    of: (access) => changedSettings(access, { port: 9, peerAddress: '' })
  },
  {
    what: 'another key than the accepted one stops before the sign-in',
    code: 'device-pin',
    of: (access) => ({ ...access, pins: access.pins.map((pin) => ({ ...pin, fingerprint: 'SHA256:x' })) })
  },
  {
    what: 'a unit whose key nobody has accepted is not signed in to',
    code: 'device-pin',
    of: (access) => ({ ...access, pins: [] })
  },
  {
    what: 'a unit that no authority of the settings vouches for is not signed in to',
    code: 'device-pin',
    of: (access) => changedSettings(access, { trust: 'ca', authority: createAuthority('Another').pem })
  }
]

function changedSettings(access: Access, more: Record<string, Json>): Access {
  return { ...access, settings: { ...(access.settings as Record<string, Json>), ...more } }
}

/** One unit. */
export const singleKind: WorldKind = {
  name: 'BIG-IP',
  missing: () => undefined,
  open: () => openSingle(),
  badSettings,
  badAccess
}

/** Two units. Their role is that of the one that changes are made on. */
export const pairKind: WorldKind = {
  name: 'BIG-IP pair',
  missing: () => undefined,
  open: () => openPair(),
  badSettings,
  badAccess
}

/** What a seed for tests has, and what stands around it. */
export interface Shop {
  readonly seed: Seed
  readonly port: number
  readonly issuer: Certificate
  /** with one more authority above it */
  readonly far: Certificate
  readonly mail: Certificate
}

/**
 * A shop with both kinds of key in a partition of its own, a profile below it that shows the same, and a mail server by
 * name at the same address. The chain of the authority is there already.
 */
export async function shopSeed(): Promise<Shop> {
  // who asks for RSA alone takes no other signature, that of an authority either
  const key = 'rsa2048'
  const root = createAuthority('Test Root', { key })
  const issuer = createAuthority('Test Issuing', { key, issuer: root })
  const far = createAuthority('Test Far', {
    key,
    issuer: createAuthority('Test Middle', { key, issuer: root })
  })
  const [rsa, ecdsa, mail] = [
    createCertificate({ names, issuer, key: 'rsa2048' }),
    createCertificate({ names, issuer }),
    createCertificate({ names: ['mail.test'], issuer, key: 'rsa2048' })
  ]
  const port = await freePort()
  const pair = (name: string) => ({
    name,
    cert: `/Common/${name}.crt`,
    key: `/Common/${name}.key`,
    chain: '/Common/ca.crt'
  })
  const seed: Seed = {
    partitions: { Prod: 0, Other: 0 },
    certs: {
      '/Common/ca.crt': pemOf([issuer]),
      '/Common/shop-rsa.crt': rsa.pem,
      '/Common/shop-ecdsa.crt': ecdsa.pem,
      '/Common/mail.crt': mail.pem
    },
    keys: {
      '/Common/shop-rsa.key': rsa.keyPem,
      '/Common/shop-ecdsa.key': ecdsa.keyPem,
      '/Common/mail.key': mail.keyPem
    },
    clientSsl: {
      '/Prod/shop': { certKeyChain: [pair('shop-rsa'), pair('shop-ecdsa')], sniDefault: 'true' },
      '/Prod/shop-child': { defaultsFrom: '/Prod/shop' },
      '/Common/mail': { certKeyChain: [pair('mail')], serverName: 'mail.test' }
    },
    virtuals: {
      '/Prod/shop': {
        destination: `/Prod/127.0.0.1:${port}`,
        profiles: [
          { name: '/Prod/shop', context: 'clientside' },
          { name: '/Common/mail', context: 'clientside' },
          { name: '/Common/tcp' }
        ]
      }
    }
  }
  return { seed, port, issuer, far, mail }
}

/** Settings and credentials of units; what is logged goes to `lines`. */
export function accessTo(units: readonly BigIp[], lines: string[] = [], user = 'admin'): Access {
  const write = (event: string, facts?: unknown) => void lines.push(`${event} ${JSON.stringify(facts)}`)
  const log: Log = { error: write, warn: write, info: write, debug: write }
  const [first, second] = units
  return {
    settings: {
      address: first?.host ?? '',
      port: first?.port ?? 0,
      user,
      ...(second ? { peerAddress: second.host, peerPort: second.port } : {})
    },
    secret: (name) => (name === 'password' ? new Secret(passwords[user] ?? password) : undefined),
    pins: [],
    clock: systemClock,
    random: systemRandom,
    log
  }
}

const passwords: Readonly<Record<string, string>> = {
  admin: password,
  resource: 'demo-Resource-1',
  certs: 'demo-Certs-1',
  manager: 'demo-Manager-1',
  operator: 'demo-Operator-1',
  guest: 'demo-Guest-1'
}

/** A unit with its shop; `certs` are there besides, PEM by full path. */
export async function openSingle(
  options: Omit<BigIpOptions, 'seed'> = {},
  certs: Readonly<Record<string, string>> = {}
): Promise<World & { readonly unit: BigIp; readonly shop: Shop }> {
  const shop = await shopSeed()
  const seed = { ...shop.seed, certs: { ...shop.seed.certs, ...certs } }
  const unit = await BigIp.start({ ...options, seed })
  return { unit, shop, ...(await worldOf([unit], shop)) }
}

/** A pair with its shop. */
export async function openPair(
  options: Omit<PairOptions, 'seed'> = {}
): Promise<World & { readonly pair: BigIpPair; readonly shop: Shop }> {
  const shop = await shopSeed()
  const pair = await startPair({ ...options, seed: shop.seed })
  return { pair, shop, ...(await worldOf([pair.a, pair.b], shop)), stop: () => pair.stop() }
}

async function worldOf(units: readonly BigIp[], { port, issuer, far }: Shop): Promise<World> {
  const lines: string[] = []
  const bare = accessTo(units, lines)
  const pins = await f5BigIp.identify(bare, new AbortController().signal)
  const active = () => units.find(({ state }) => state === 'active') ?? units[0]
  const families: readonly KeyFamily[] = ['rsa', 'ecdsa']
  const looks = [
    { name: 'shop.test', family: 'rsa' },
    { name: 'shop.test', family: 'ecdsa' },
    { name: null, family: 'rsa' },
    { name: null, family: 'ecdsa' }
  ] as const
  return {
    connector: f5BigIp,
    access: { ...bare, pins },
    target,
    names,
    families,
    role: units.length > 1 ? 'active' : 'single',
    issue(chain) {
      const by = chain === 'longer' ? far : issuer
      return [
        bundleItem('rsa', createCertificate({ names, issuer: by, key: 'rsa2048' })),
        bundleItem('ecdsa', createCertificate({ names, issuer: by }))
      ]
    },
    shown: () => Promise.all(looks.map((look) => shownAt({ port, ...look }))),
    shownChains: () =>
      Promise.all(
        looks.map(async (look) => {
          const shown = await shakeHands({ port, ...look })
          return shown.ok ? shown.chain : []
        })
      ),
    expected: ({ rsa = '', ecdsa = '' }) => [rsa, ecdsa, rsa, ecdsa],
    snapshot: (depth) =>
      units
        .map((unit) =>
          JSON.stringify([
            unit.snapshot(),
            unit.uploads,
            [...unit.system.disk.files.keys()].filter((path) => /ssl\.csr|\/bulk\//.test(path)),
            unit.group?.ahead.map(({ hostname }) => hostname) ?? [],
            ...(depth === 'content' ? [] : [unit.system.running.generation, unit.transactions])
          ])
        )
        .join('\n'),
    holdsKey: (pem) => units.some((unit) => unit.holdsKey(pem)),
    changeByOthers: async () =>
      replaceByOthers(active(), createCertificate({ names, issuer, key: 'rsa2048' })),
    putByOthers: () => putByOthers(units, createCertificate({ names, issuer, key: 'rsa2048' })),
    async reloadByOthers() {
      for (const unit of units) await unit.reboot()
    },
    cut: () => units.forEach((unit) => unit.cut()),
    mend() {
      for (const unit of units) {
        unit.faults.clear()
        unit.mend()
      }
    },
    requests: {
      count: () => units.reduce((sum, unit) => sum + unit.requests.length, 0),
      cutAt: (nth) => cutAt(units, nth)
    },
    deviceKeys: {
      types: ['rsa-2048', 'ec-p256'],
      otherType: 'rsa-3072',
      sign(family, request) {
        const { publicKey, dnsNames } = readCsr(readPem(request)[0]?.der ?? new Uint8Array())
        const made = createCertificate({ names: dnsNames, issuer, publicKey })
        const { fingerprint, pem, chain } = made
        return { family, fingerprint, leaf: pem, chain: chain.slice(1).map((member) => member.pem) }
      },
      keys: () => [...new Set(units.flatMap(keysOf))].sort()
    },
    logged: () => lines.join('\n'),
    credentials: [password],
    async stop() {
      for (const unit of units) await unit.stop()
    }
  }
}

function keysOf({ system }: BigIp): string[] {
  const held = [system.running, system.saved].flatMap(({ keys }) => Object.values(keys))
  return held.map(({ content }) => {
    const spki = createPublicKey(content).export({ type: 'spki', format: 'der' })
    return hash('sha256', spki, 'hex')
  })
}

/** the nth request of all units together is done and not answered, and no later one is heard */
function cutAt(units: readonly BigIp[], nth: number): void {
  let seen = 0
  for (const unit of units) {
    const take = unit.faults.take.bind(unit.faults)
    unit.faults.take = (method, path) => {
      seen += 1
      if (seen === nth) return { does: 'drop-after' }
      return seen > nth ? { does: 'drop-before' } : take(method, path)
    }
    const clear = unit.faults.clear.bind(unit.faults)
    unit.faults.clear = () => {
      unit.faults.take = take
      unit.faults.clear = clear
      clear()
    }
  }
}

/** somebody else binds another certificate to the shop */
export async function replaceByOthers(unit: BigIp | undefined, { pem, keyPem }: Certificate): Promise<void> {
  if (!unit) throw new Error('there is no unit')
  unit.system.disk.write('/var/tmp/others.crt', pem)
  unit.system.disk.write('/var/tmp/others.key', keyPem)
  const made = { partition: 'Common' }
  await unit.act('POST', 'sys/file/ssl-cert', {
    ...made,
    name: 'others.crt',
    sourcePath: 'file:/var/tmp/others.crt'
  })
  await unit.act('POST', 'sys/file/ssl-key', {
    ...made,
    name: 'others.key',
    sourcePath: 'file:/var/tmp/others.key'
  })
  await unit.act('PATCH', 'ltm/profile/client-ssl/~Prod~shop', {
    certKeyChain: [{ name: 'others', cert: '/Common/others.crt', key: '/Common/others.key' }]
  })
  await unit.act('POST', 'sys/config', { command: 'save' })
}

/** objects that nothing names, in every place, on both units; with the files that others have uploaded */
async function putByOthers(units: readonly BigIp[], { pem, keyPem }: Certificate): Promise<() => string> {
  const stems = [
    'tlsward-shop-rsa',
    'tlsward-shop-rsa-eu-0011223344556677',
    'tlsward-shop-rsa-0011223344556677-old'
  ]
  const [first] = units
  if (!first) throw new Error('there is no unit')
  const places = [
    ...stems.map((name) => ({ partition: 'Common', name })),
    { partition: 'Other', name: 'tlsward-shop-rsa-0011223344556677' }
  ]
  for (const unit of units) {
    unit.system.disk.write('/var/config/rest/downloads/tlsward-of-others', pem)
    unit.system.disk.write('/var/tmp/put.crt', pem)
    unit.system.disk.write('/var/tmp/put.key', keyPem)
  }
  for (const { partition, name } of places) {
    const body = (kind: string) => ({
      partition,
      name: `${name}.${kind}`,
      sourcePath: `file:/var/tmp/put.${kind}`
    })
    await first.act('POST', 'sys/file/ssl-cert', body('crt'))
    await first.act('POST', 'sys/file/ssl-key', body('key'))
  }
  first.group?.push(first.system, true)
  await first.group?.settled()
  const paths = places.map(({ partition, name }) => `/${partition}/${name}`)
  return () =>
    JSON.stringify(
      units.map(({ system, uploads }) => [
        paths.map((path) => [
          system.running.certs[`${path}.crt`],
          system.running.keys[`${path}.key`]?.content
        ]),
        uploads['/var/config/rest/downloads/tlsward-of-others']
      ])
    )
}

function bundleItem(family: KeyFamily, { fingerprint, pem, keyPem, chain }: Certificate): BundleItem {
  const behind = chain.slice(1).map((member) => member.pem)
  return { family, fingerprint, leaf: pem, chain: behind, key: new Secret(keyPem) }
}
