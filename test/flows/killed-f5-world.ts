import { cpSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Shop } from '../contract/f5-bigip.ts'
import { createFileCa } from '../peers/file-ca.ts'
import { shownAt } from '../peers/handshake.ts'
import { freePort } from '../peers/ports.ts'
import { BigIp } from '../simulators/f5-bigip/big-ip.ts'
import type { Mishap } from '../simulators/f5-bigip/faults.ts'
import { type BigIpPair, startPair } from '../simulators/f5-bigip/pair.ts'
import type { Seed } from '../simulators/f5-bigip/seed.ts'
import { drive, isOver, type Site, requestRenewals } from './engine-world.ts'
import { makeF5Site, openF5Site } from './f5-engine-world.ts'

/** What devices are tried. */
export const placeKinds = ['single', 'pair'] as const
export type PlaceKind = (typeof placeKinds)[number]

/** the target of every event: it has both kinds of key, of which one is replaced */
const target = '/Prod/shop'

/** A state directory with an event in it, which a process can go on with. */
export interface Begun {
  readonly site: Site
  readonly event: number
}

/**
 * A device whose target was replaced once, so that the next replacement has something to clean up; and the state of an
 * engine that is asked for that one.
 */
export interface Place {
  readonly kind: PlaceKind
  readonly units: readonly BigIp[]
  readonly requests: Requests
  /** what the target shows at first: leaf and private key */
  readonly former: { readonly leaf: string; readonly key: string }
  /** what runs and what is saved on all units, and uploads; `others`: without the target and what is ours */
  snapshot(of?: 'all' | 'others'): string
  /** the same without what differs from one certificate and device to the next */
  bare(): readonly string[]
  /** private key of what the target shows, PEM */
  key(): string
  /** the target's ECDSA and RSA leaf, and its neighbour's, as clients of the active unit see them */
  shown(): Promise<[ecdsa: string, rsa: string, neighbour: string]>
  /** the same state of the engine once more, for a point of its own */
  begin(): Begun
  settled(): Promise<void>
  /** puts everything back as it was at first */
  reset(): Promise<void>
  stop(): Promise<void>
}

/** Starts it below `root`. */
export async function startPlace(kind: PlaceKind, shop: Shop, root: string): Promise<Place> {
  const port = await freePort()
  const seed = seedAt(shop, port)
  const pair = kind === 'pair' ? await startPair({ seed, syncMs: 20 }) : null
  const units = pair ? [pair.a, pair.b] : [await BigIp.start({ seed })]
  const begun = await begunAt(root, units)
  await pair?.settled()
  const first = units.map(({ system }) => system.running)
  const snapshot = (of: 'all' | 'others' = 'all') => linesOf(units, of).join('\n')
  const clean = snapshot()
  const shown = () =>
    Promise.all([
      shownAt({ port, name: 'shop.test', family: 'ecdsa' }),
      shownAt({ port, name: 'shop.test', family: 'rsa' }),
      shownAt({ port, name: 'mail.test' })
    ])
  const [leaf] = await shown()
  return {
    kind,
    units,
    requests: new Requests(units, pair),
    former: { leaf, key: keyOf(units[0]) },
    snapshot,
    bare() {
      const lines = linesOf(units, 'all').map((line) => line.replaceAll(String(port), 'port'))
      return lines.map((line) => line.replaceAll(changing, '…')).sort()
    },
    key: () => keyOf(units[0]),
    shown,
    begin() {
      const copy = mkdtempSync(join(root, 'site-'))
      cpSync(begun.site.root, copy, { recursive: true })
      return { ...begun, site: { ...begun.site, root: copy } }
    },
    settled: async () => pair?.settled(),
    async reset() {
      await resetUnits(units, pair, first)
      if (snapshot() !== clean) throw new Error('the device is not as it was')
    },
    stop: () => stopAll(units)
  }
}

/** PEM in JSON, digits of fingerprints, times */
const changing = /-----BEGIN[^"]+|[0-9a-f]{16}|\d{4}-\d\d-\d\dT[\d:]+Z/g

/** a line for each object that runs or is saved, and for each upload, on each unit */
function linesOf(units: readonly BigIp[], of: 'all' | 'others'): string[] {
  return units.flatMap((unit, at) => {
    const uploads = Object.entries(unit.uploads).map((one) => JSON.stringify([at, 'upload', one]))
    const objects = Object.entries(unit.snapshot()).flatMap(([part, tables]) =>
      Object.entries(tables).flatMap(([table, all]) =>
        [all].flat().flatMap((one) => {
          const path = fullPathOf(one)
          const isOurs = path === target || path.includes('/tlsward-')
          return isOurs && of === 'others' ? [] : JSON.stringify([at, part, table, one])
        })
      )
    )
    return [...uploads, ...objects]
  })
}

function fullPathOf(one: unknown): string {
  const path = one !== null && typeof one === 'object' && 'fullPath' in one ? one.fullPath : ''
  return typeof path === 'string' ? path : ''
}

function seedAt({ seed }: Shop, port: number): Seed {
  const virtuals = Object.entries(seed.virtuals ?? {}).map(
    ([name, body]) => [name, { ...body, destination: `/Prod/127.0.0.1:${port}` }] as const
  )
  return { ...seed, virtuals: Object.fromEntries(virtuals) }
}

/** the target is replaced once; then another CA issues, whose chain the device has not */
async function begunAt(root: string, units: readonly BigIp[]): Promise<Begun> {
  const site = await makeF5Site(root, units)
  const open = openF5Site(site)
  const { id } = requestRenewals(open, [target])
  await drive(open, () => isOver(open.store.events.get(id)))
  const { state, why } = open.store.events.get(id)
  if (state !== 'cleaned') throw new Error(`the first replacement is ${state}: ${why}`)
  await createFileCa(join(site.root, 'ca'), Date.now())
  const event = requestRenewals(open, [target]).id
  await open.close()
  return { site, event }
}

function keyOf(unit: BigIp | undefined): string {
  const { clientSsl, keys } = unit?.system.running ?? {}
  const entry = clientSsl?.[target]?.certKeyChain?.find(({ name }) => name === 'shop-ecdsa')
  return keys?.[entry?.key ?? '']?.content ?? ''
}

async function resetUnits(
  units: readonly BigIp[],
  pair: BigIpPair | null,
  first: readonly BigIp['system']['running'][]
): Promise<void> {
  await pair?.settled()
  for (const [at, unit] of units.entries()) {
    unit.forgetTokens()
    for (const path of Object.keys(unit.uploads)) unit.system.disk.remove(path)
    const configuration = first[at]
    if (configuration) await unit.system.adopt(configuration)
    unit.system.save()
  }
  if (!pair) return
  pair.group.ahead.length = 0
  pair.group.state = 'idle'
}

async function stopAll(units: readonly BigIp[]): Promise<void> {
  for (const unit of units) await unit.stop()
}

/** Requests to all units together, in order: names of those that came, and what happens to them. */
export class Requests {
  readonly #units: readonly BigIp[]
  #before = 0
  #heard: string[] = []
  #disturb: (name: string) => Mishap | null = () => null

  constructor(units: readonly BigIp[], pair: BigIpPair | null) {
    this.#units = units
    for (const [at, { faults }] of units.entries()) {
      const unit = pair ? `${'ab'[at] ?? ''} ` : ''
      faults.take = (method, path) => {
        const bare = `${unit}${method} ${nameOfPath(path)}`
        const nth = this.#heard.filter((one) => one.startsWith(`${bare} #`)).length + 1
        const name = `${bare} #${nth}`
        this.#heard.push(name)
        // how often the status is read while a push is under way is a matter of luck
        const settled = { does: 'meanwhile', run: async () => pair?.settled() } as const
        return this.#disturb(name) ?? (path.endsWith('/sync-status') ? settled : null)
      }
    }
  }

  /** Forgets what came, and lets `disturb` decide from now on. */
  begin(disturb: (name: string) => Mishap | null = () => null): void {
    this.#before = this.#done
    this.#heard = []
    this.#disturb = disturb
  }

  get heard(): readonly string[] {
    return this.#heard
  }

  /** is nothing asked for that is not done? */
  get areDone(): boolean {
    return this.#done - this.#before === this.#heard.length
  }

  get #done(): number {
    return this.#units.reduce((sum, { requests }) => sum + requests.length, 0)
  }
}

/** without what differs from one replacement to the next */
function nameOfPath(path: string): string {
  return path
    .replace(/^\/mgmt/, '')
    .replace(/\/tokens\/\w+/, '/tokens/…')
    .replaceAll(/[0-9a-f]{16}/g, '…')
}
