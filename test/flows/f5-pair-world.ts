import type { Test } from 'tap'
import type { Issuer } from '../../sensor/issuance/issuer.ts'
import type { EventRow } from '../../sensor/store/events.ts'
import { createAuthority, createCertificate, pemOf, type Certificate } from '../peers/certificates.ts'
import { shownAt } from '../peers/handshake.ts'
import { freePort } from '../peers/ports.ts'
import type { BigIp } from '../simulators/f5-bigip/big-ip.ts'
import { type BigIpPair, startPair } from '../simulators/f5-bigip/pair.ts'
import type { Seed } from '../simulators/f5-bigip/seed.ts'
import { engineWorld, type EngineWorld } from './engine-world.ts'
import { addF5Device, f5Device, f5Reach } from './f5-engine-world.ts'
import { freshPrivateCa } from './fleet-world.ts'
import { openShelf } from './shelf.ts'

/** One thing to see by handshake: a virtual server by a name, for a kind of key. */
export interface PairSight {
  readonly label: string
  readonly port: number
  readonly name: string
  readonly family: 'rsa' | 'ecdsa'
  /** it is no target of the event */
  readonly stays: boolean
}

/** A pair of BIG-IPs with everything in which virtual servers differ, and an engine that may change them. */
export interface PairWorld {
  readonly world: EngineWorld
  readonly pair: BigIpPair
  readonly targets: readonly string[]
  readonly sights: readonly PairSight[]
  /** asks for an event for all targets, and waits until it is over */
  run(profile: 'fresh' | 'shelf'): Promise<EventRow>
  /** puts the certificates of an event on the shelf of the issuer `shelf` */
  shelve(event: EventRow): void
  /** what each sight shows now at the unit that is active, one handshake each */
  look(): Promise<Readonly<Record<string, string>>>
  /** ends the sessions of the engine */
  signOut(): Promise<void>
}

const families = ['rsa', 'ecdsa'] as const

/** client-ssl profiles that are replaced */
const targets = [
  '/Common/first',
  '/Common/second',
  '/Common/dual',
  '/Common/shared',
  '/Common/parent',
  '/Common/domain',
  '/Other/apart'
]

interface Site {
  /** full path of the virtual server */
  readonly virtual: string
  readonly names: readonly string[]
  readonly profiles: readonly string[]
}

const sites: readonly Site[] = [
  // two profiles are told apart by name
  {
    virtual: '/Common/sni',
    names: ['first.test', 'second.test', 'stays.test'],
    profiles: ['/Common/first', '/Common/second', '/Common/stays']
  },
  { virtual: '/Common/dual', names: ['dual.test'], profiles: ['/Common/dual'] },
  { virtual: '/Common/shared-a', names: ['shared.test'], profiles: ['/Common/shared'] },
  { virtual: '/Common/shared-b', names: ['shared.test'], profiles: ['/Common/shared'] },
  { virtual: '/Common/child', names: ['parent.test'], profiles: ['/Common/child'] },
  { virtual: '/Common/domain', names: ['domain.test'], profiles: ['/Common/domain'] },
  { virtual: '/Other/apart', names: ['apart.test'], profiles: ['/Other/apart'] }
]

// who asks for RSA alone takes no other signature, that of an authority either
const issuer = createAuthority('Former Issuing', {
  key: 'rsa2048',
  issuer: createAuthority('Former Root', { key: 'rsa2048' })
})

/** Starts units and engine; all of it ends with the test. */
export async function startPairWorld(t: Test): Promise<PairWorld> {
  const ports = new Map<string, number>()
  for (const { virtual } of sites) ports.set(virtual, await freePort())
  const pair = await startPair({ seed: seedOf(ports), syncMs: 20 })
  t.teardown(() => pair.stop())
  const shelf = openShelf()
  const issuers: Readonly<Record<string, Issuer>> = {
    fresh: await freshPrivateCa(),
    shelf: shelf.issuer
  }
  const world = await engineWorld(t, { ...f5Reach, issuer: (name) => issuers[name] ?? ({} as Issuer) })
  for (const name of Object.keys(issuers)) {
    world.profile({ issuer: name, keyTypes: ['rsa-2048', 'ec-p256'] }, name)
  }
  addF5Device(world.store, 'edge', await f5Device([pair.a, pair.b]))
  const { sessions } = world.engine.context
  sessions.begin()
  t.teardown(() => sessions.end())
  const sights = sites.flatMap((site) => sightsOf(site, ports.get(site.virtual) ?? 0))
  return {
    world,
    pair,
    targets,
    sights,
    run(profile) {
      const names = targets.map((target) => ({ device: 'edge', target }))
      return world.finish(
        world.request({ profile, action: profile === 'shelf' ? 'request' : 'replace', targets: names })
      )
    },
    shelve: (event) => shelf.shelve(world, event.id),
    async look() {
      const shown: Record<string, string> = {}
      for (const sight of sights) shown[sight.label] = await shownAt(sight)
      return shown
    },
    async signOut() {
      await sessions.end()
      sessions.begin()
    }
  }
}

function sightsOf({ virtual, names }: Site, port: number): PairSight[] {
  return names.flatMap((name) =>
    families.flatMap((family) => {
      const stays = name === 'stays.test'
      // it has an RSA pair only
      if (stays && family === 'ecdsa') return []
      return { label: `${virtual} ${name} ${family}`, port, name, family, stays }
    })
  )
}

function seedOf(ports: ReadonlyMap<string, number>): Seed {
  const certs: Record<string, string> = { '/Common/former-ca.crt': pemOf([issuer]) }
  const keys: Record<string, string> = {}
  const pair = (path: string, name: string, key: 'rsa2048' | 'p256' = 'rsa2048') => {
    const made: Certificate = createCertificate({ names: [name], key, issuer })
    const stem = key === 'p256' ? `${path}-ec` : path
    certs[`${stem}.crt`] = made.pem
    keys[`${stem}.key`] = made.keyPem
    const short = stem.slice(stem.lastIndexOf('/') + 1)
    return { name: short, cert: `${stem}.crt`, key: `${stem}.key`, chain: '/Common/former-ca.crt' }
  }
  const clientSsl = {
    // without a name of its own it would answer for all names of a certificate that several profiles share
    '/Common/first': {
      certKeyChain: [pair('/Common/first', 'first.test')],
      serverName: 'first.test',
      sniDefault: 'true'
    },
    '/Common/second': { certKeyChain: [pair('/Common/second', 'second.test')], serverName: 'second.test' },
    '/Common/stays': { certKeyChain: [pair('/Common/stays', 'stays.test')], serverName: 'stays.test' },
    '/Common/dual': {
      certKeyChain: [pair('/Common/dual', 'dual.test'), pair('/Common/dual', 'dual.test', 'p256')]
    },
    '/Common/shared': { certKeyChain: [pair('/Common/shared', 'shared.test')] },
    '/Common/parent': { certKeyChain: [pair('/Common/parent', 'parent.test')] },
    '/Common/child': { defaultsFrom: '/Common/parent' },
    '/Common/domain': { certKeyChain: [pair('/Common/domain', 'domain.test')] },
    '/Other/apart': { certKeyChain: [pair('/Other/apart', 'apart.test')] }
  }
  const virtuals = sites.map(({ virtual, profiles }) => {
    const [, partition = ''] = virtual.split('/')
    const address = virtual === '/Common/domain' ? '127.0.0.1%2' : '127.0.0.1'
    const attached = profiles.map((name) => ({ name, context: 'clientside' }))
    const destination = `/${partition}/${address}:${ports.get(virtual) ?? 0}`
    return [virtual, { destination, profiles: [...attached, { name: '/Common/tcp' }] }] as const
  })
  return { partitions: { Other: 0 }, certs, keys, clientSsl, virtuals: Object.fromEntries(virtuals) }
}

/** Does what runs survive a reboot? */
export function isSaved(unit: BigIp): boolean {
  const { running, saved } = unit.snapshot()
  return JSON.stringify(running) === JSON.stringify(saved)
}
