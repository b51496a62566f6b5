import type { Access, Json, Pin } from '../../connectors/contract.ts'
import { systemClock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import { type Certificate, createAuthority, createCertificate } from '../peers/certificates.ts'
import { shakeHands, shownAt } from '../peers/handshake.ts'
import { applianceToken, TinyAppliance } from '../peers/tiny-appliance/appliance.ts'
import { tinyAppliance } from '../peers/tiny-appliance/connector.ts'
import type { World, WorldKind } from './world.ts'

/** The appliance of docs/connector-guide.md. */
export const tinyApplianceKind: WorldKind = {
  name: 'Tiny Appliance',
  missing: () => undefined,
  open: openWorld,
  badSettings(good) {
    const rest = good as Record<string, Json>
    return [
      { what: 'no address', settings: { ...rest, address: '' } },
      { what: 'a port that is none', settings: { ...rest, port: 70_000 } },
      { what: 'a name that is none', settings: { ...rest, adress: 'x' } },
      { what: 'no object', settings: 'x' }
    ]
  },
  badAccess: [
    {
      what: 'another token is a refused sign-in',
      code: 'device-sign-in',
      of: (access) => ({ ...access, secret: () => new Secret('another') })
    },
    {
      what: 'no token at all is wrong settings',
      code: 'settings-malformed',
      of: (access) => ({ ...access, secret: () => undefined })
    },
    {
      what: 'a port where nobody listens is unreachable',
      code: 'device-unreachable',
      of: (access) => ({ ...access, settings: { ...(access.settings as Record<string, Json>), port: 9 } })
    },
    {
      what: 'another key than the accepted one stops before the sign-in',
      code: 'device-pin',
      of: (access) => ({ ...access, pins: access.pins.map((pin) => ({ ...pin, fingerprint: 'SHA256:x' })) })
    },
    {
      what: 'an appliance whose key nobody has accepted is not signed in to',
      code: 'device-pin',
      of: (access) => ({ ...access, pins: [] })
    }
  ]
}

const names = ['shop.test', 'www.shop.test']

/** One appliance with a shop, which is the target, and a mail server beside it. */
export async function openWorld(): Promise<World & { readonly appliance: TinyAppliance }> {
  const root = createAuthority('Test Root')
  const issuer = createAuthority('Test Issuing', { issuer: root })
  const far = createAuthority('Test Far', { issuer: createAuthority('Test Middle', { issuer: root }) })
  const appliance = await TinyAppliance.start({
    shop: { names, certificate: createCertificate({ names, issuer }) },
    mail: { names: ['mail.test'], certificate: createCertificate({ names: ['mail.test'], issuer }) }
  })
  const lines: string[] = []
  const bare = accessTo(appliance, lines)
  const pins: readonly Pin[] = await tinyAppliance.identify(bare, new AbortController().signal)
  return {
    appliance,
    connector: tinyAppliance,
    access: { ...bare, pins },
    target: 'shop',
    names,
    families: ['ecdsa'],
    issue: (chain) => [bundleItem(createCertificate({ names, issuer: chain ? far : issuer }))],
    shown: async () => [await shownAt({ port: appliance.ports['shop'] ?? 0, name: 'shop.test' })],
    async shownChains() {
      const shown = await shakeHands({ port: appliance.ports['shop'] ?? 0, name: 'shop.test' })
      return [shown.ok ? shown.chain : []]
    },
    expected: ({ ecdsa = '' }) => [ecdsa],
    snapshot: (depth) => (depth === 'content' ? '' : `${appliance.writes} `) + appliance.content,
    holdsKey: (pem) => appliance.content.includes(JSON.stringify(pem).slice(1, -1)),
    changeByOthers: async () => appliance.replace('shop', createCertificate({ names, issuer })),
    async putByOthers() {
      const theirs = ['tlsward-shop-eu-0011223344556677', 'tlsward-shop-0011223344556677-old', 'tlsward-shop']
      for (const name of theirs) appliance.put(name, createCertificate({ names, issuer }))
      return () => theirs.map((name) => appliance.certificate(name)).join('\n')
    },
    reloadByOthers: async () => appliance.restart(),
    cut: () => appliance.cut(),
    mend: () => appliance.mend(),
    requests: { count: () => appliance.requests, cutAt: (nth) => appliance.cutAt(nth) },
    logged: () => lines.join('\n'),
    credentials: [applianceToken],
    stop: () => appliance.stop()
  }
}

/** Settings and credentials of an appliance; what is logged goes to `lines`. */
export function accessTo({ port }: TinyAppliance, lines: string[] = []): Access {
  const write = (event: string, facts?: unknown) => void lines.push(`${event} ${JSON.stringify(facts)}`)
  const log: Log = { error: write, warn: write, info: write, debug: write }
  const secret = (name: string) => (name === 'token' ? new Secret(applianceToken) : undefined)
  return {
    settings: { address: '127.0.0.1', port },
    secret,
    pins: [],
    clock: systemClock,
    random: systemRandom,
    log
  }
}

function bundleItem({ fingerprint, pem, keyPem, chain }: Certificate) {
  const behind = chain.slice(1).map((member) => member.pem)
  return { family: 'ecdsa', fingerprint, leaf: pem, chain: behind, key: new Secret(keyPem) } as const
}
