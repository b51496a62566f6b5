import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readCsr } from '../../pki/csr.ts'
import { readCertificate } from '../../pki/quick.ts'
import type { AcmeCall } from '../peers/acme-gate.ts'
import { temporaryFolder } from '../peers/process.ts'
import { requestFor } from '../unit/issuance-world.ts'
import {
  drive,
  fileMemory,
  issuerWorld,
  dnsSkipped,
  dnsWorld,
  openIssuer,
  pebbleSkipped,
  requestOf,
  type IssuerSite,
  type IssuerWorld
} from './issuer-world.ts'

const names = ['a.test', 'b.test']

/** Where the process is killed: at the nth time of a moment of its own, or while the CA has a call of it. */
type Point =
  | { readonly moment: string; readonly nth: number }
  | { readonly call: AcmeCall; readonly when: 'before' | 'after' }

const calls = [
  'newAccount',
  'account',
  'newOrder',
  'authorization',
  'challenge',
  'order',
  'finalize',
  'certificate'
] as const
const held = calls.flatMap((call): Point[] => [
  { call, when: 'before' },
  { call, when: 'after' }
])

function nameOf(point: Point): string {
  if ('moment' in point) return `${point.moment}${point.nth > 1 ? ` (time ${point.nth})` : ''}`
  return point.when === 'before' ? `${point.call} is lost` : `${point.call} is done, its answer is lost`
}

/** a site of its own at the same CA, with a request that waits in it */
async function freshSite({ site }: IssuerWorld, t: Test): Promise<IssuerSite> {
  const folder = temporaryFolder()
  t.teardown(() => folder.remove())
  writeFileSync(join(folder.path, 'request.der'), (await requestFor(names)).csr ?? '')
  return { ...site, folder: folder.path }
}

interface Child {
  /** the signal that killed it, 0, or what it said */
  readonly ended: Promise<number | string>
  readonly kill: () => void
}

function startChild(site: IssuerSite, point: Point): Child {
  const at = 'moment' in point ? [point.moment, String(point.nth)] : []
  const script = join(import.meta.dirname, 'issuer-child.ts')
  const child = spawn(process.execPath, [script, JSON.stringify(site), ...at], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  let said = ''
  child.stderr.on('data', (bytes) => (said += String(bytes)))
  const { promise, resolve } = Promise.withResolvers<number | string>()
  child.on('close', (code, signal) => resolve(signal ?? (code === 0 ? 0 : said)))
  return { ended: promise, kill: () => void child.kill('SIGKILL') }
}

/** every moment of an order that nobody disturbs */
async function momentsOf(world: IssuerWorld, t: Test): Promise<Point[]> {
  const site = await freshSite(world, t)
  const times = new Map<string, number>()
  const points: Point[] = []
  const happens = (moment: string) => {
    const nth = (times.get(moment) ?? 0) + 1
    times.set(moment, nth)
    points.push({ moment, nth })
  }
  const issuer = openIssuer(site, happens)
  await drive(
    issuer,
    await requestFor(names),
    fileMemory(join(site.folder, 'order.json'), 'the order', happens)
  )
  issuer.close()
  return [...points, { moment: 'before the certificate is stored', nth: 1 }]
}

interface Counts {
  readonly accounts: number
  readonly orders: number
  readonly finalized: number
}

function counted({ pebble: { gate } }: IssuerWorld): Counts {
  const accounts = gate.seen.filter(({ call, status }) => call === 'newAccount' && status === 201).length
  return { accounts, orders: gate.count('newOrder'), finalized: gate.count('finalize') }
}

/** kills the process at a point, starts it again, and gives what the CA has seen of it */
async function killedAt(t: Test, world: IssuerWorld, point: Point): Promise<Counts> {
  const site = await freshSite(world, t)
  const before = counted(world)
  const reached = 'call' in point ? world.pebble.gate.hold(point.call, point.when) : null
  const first = startChild(site, point)
  if (reached) await Promise.race([reached, first.ended]).then(first.kill)
  t.equal(await first.ended, 'SIGKILL', `killed: ${nameOf(point)}`)
  const [leaf] = await goneOnWith(site)
  const { spki } = readCsr(readFileSync(join(site.folder, 'request.der')))
  t.equal(leaf && readCertificate(leaf).spki, spki, 'with the certificate of its request')
  const notes = JSON.parse(readFileSync(join(site.folder, 'order.json'), 'utf8')) as { proofs: unknown[] }
  t.same(notes.proofs, [], 'and every answer is taken away')
  const after = counted(world)
  return {
    accounts: after.accounts - before.accounts,
    orders: after.orders - before.orders,
    finalized: after.finalized - before.finalized
  }
}

/** the order is gone on with from what is on the disk, as another process would */
async function goneOnWith(site: IssuerSite): Promise<readonly Uint8Array[]> {
  const issuer = openIssuer(site)
  const request = requestOf(readFileSync(join(site.folder, 'request.der')))
  const { chain } = await drive(issuer, request, fileMemory(join(site.folder, 'order.json'), 'the order'))
  issuer.close()
  return chain
}

function row(what: string, { accounts, orders, finalized }: Counts): string {
  return `${what.padEnd(48)} ${String(accounts).padStart(8)} ${String(orders).padStart(6)} ${String(finalized).padStart(9)}`
}

const heading = `${'killed'.padEnd(48)} accounts orders finalized`

/** kills the process at each of the points, and shows what came of it as a table */
async function killedEverywhere(
  t: Test,
  world: IssuerWorld,
  { points, most }: { readonly points: readonly Point[]; readonly most: Counts }
): Promise<Counts[]> {
  const seen: Counts[] = []
  for (const point of points) {
    const counts = await killedAt(t, world, point)
    const { accounts, orders, finalized } = counts
    const isFine = accounts === 1 && finalized === 1 && orders >= 1 && orders <= most.orders
    t.ok(isFine, `${nameOf(point)}: ${JSON.stringify(counts)}`)
    seen.push(counts)
  }
  const rows = points.flatMap((point, at) => (seen[at] ? [row(nameOf(point), seen[at])] : []))
  for (const row of [heading, ...rows]) t.comment(`table: ${row}`)
  return seen
}

const once = { accounts: 1, orders: 1, finalized: 1 }

t.test(
  'an order goes on after kill -9 at any point, placed and finalized once',
  { skip: dnsSkipped('debian') },
  async (t) => {
    const world = await dnsWorld(t)
    const points = [...(await momentsOf(world, t)), ...held]
    t.ok(points.length > 40, `${points.length} points`)
    await killedEverywhere(t, world, { points, most: once })
    for (const name of names) t.same(await world.bind.txt(`_acme-challenge.${name}`), [], 'no record is left')
  }
)

t.test(
  'a listener that is killed while the CA looks costs an order, never a certificate',
  { skip: pebbleSkipped('debian') },
  async (t) => {
    const world = await issuerWorld(t)
    const points: Point[] = [
      { moment: 'after an answer is presented', nth: 2 },
      { call: 'challenge', when: 'before' },
      { call: 'challenge', when: 'after' },
      { moment: 'after write 7 of the order', nth: 1 },
      { call: 'finalize', when: 'after' }
    ]
    await killedEverywhere(t, world, { points, most: { ...once, orders: 2 } })
  }
)

t.test(
  'where the CA lists no orders, one more may be placed, and one is finalized',
  { skip: dnsSkipped('debian') },
  async (t) => {
    const world = await dnsWorld(t)
    world.pebble.gate.rewrite((_call, body) => body.replace(/,?\s*"orders": "[^"]*"/, ''))
    const points: Point[] = [
      { call: 'newOrder', when: 'before' },
      { call: 'newOrder', when: 'after' }
    ]
    const [before, after] = await killedEverywhere(t, world, { points, most: { ...once, orders: 2 } })
    t.same([before?.orders, after?.orders], [1, 2])
  }
)
