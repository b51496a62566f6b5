import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { temporaryFolder } from '../peers/process.ts'
import { requestFor } from '../unit/issuance-world.ts'
import {
  abandon,
  dnsSkipped,
  dnsWorld,
  drive,
  fileMemory,
  openIssuer,
  requestOf,
  type Happening,
  type IssuerSite,
  type IssuerWorld
} from './issuer-world.ts'

const names = ['a.test', 'b.test']

/** What the CA said last of the authorization of each name. */
function authorizationsOf({ pebble }: IssuerWorld): Map<string, string> {
  const states = new Map<string, string>()
  pebble.gate.rewrite((call, body) => {
    if (call !== 'authorization') return body
    const { status, identifier } = JSON.parse(body) as { status: string; identifier: { value: string } }
    states.set(identifier.value, status)
    return body
  })
  return states
}

/** Runs a process on a site until it kills itself; gives the signal that ended it. */
async function childAt(site: IssuerSite, moment: string, nth: number, what: 'order' | 'abandon') {
  const script = join(import.meta.dirname, 'issuer-child.ts')
  const words = [script, JSON.stringify(site), moment, String(nth), what]
  const child = spawn(process.execPath, words, { stdio: 'ignore' })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  return signal
}

/** A site whose process was killed in mid-order, when the answers to both challenges were in place. */
async function halfWay(t: Test, { site }: IssuerWorld): Promise<IssuerSite> {
  const folder = temporaryFolder()
  t.teardown(() => folder.remove())
  const own = { ...site, folder: folder.path }
  writeFileSync(join(folder.path, 'request.der'), (await requestFor(names)).csr ?? '')
  t.equal(await childAt(own, 'after an answer is presented', 2, 'order'), 'SIGKILL')
  return own
}

const memoryOf = (site: IssuerSite, happens?: Happening) =>
  fileMemory(join(site.folder, 'order.json'), 'the order', happens)

t.test(
  'an order that is given up leaves no answer and no pending proof',
  { skip: dnsSkipped('debian') },
  async (t) => {
    const world = await dnsWorld(t, { reuseAuthorizations: 0 })
    const states = authorizationsOf(world)
    const records = () => Promise.all(names.map((name) => world.bind.txt(`_acme-challenge.${name}`)))
    const seen = () => [...states.values()]

    await t.test('in mid-order', async (t) => {
      const site = await halfWay(t, world)
      t.notSame(await records(), [[], []], 'the answers are in place')
      const issuer = openIssuer(site)
      t.teardown(() => issuer.close())
      t.equal(await abandon(issuer, memoryOf(site)), 'abandoned')
      t.same(await records(), [[], []])
      t.same(seen(), ['deactivated', 'deactivated'])
      t.equal(await abandon(issuer, memoryOf(site)), 'abandoned', 'a second time changes nothing')
      const { chain } = await drive(issuer, sameRequest(site), memoryOf(site))
      t.ok(chain.length > 0, 'the same memory can be gone on with: another order is placed')
    })

    await t.test('whenever it is killed meanwhile', async (t) => {
      const probe = await halfWay(t, world)
      const points: (readonly [moment: string, nth: number])[] = []
      const times = new Map<string, number>()
      const happens = (moment: string) => {
        const nth = (times.get(moment) ?? 0) + 1
        times.set(moment, nth)
        points.push([moment, nth])
      }
      const first = openIssuer(probe, happens)
      await abandon(first, memoryOf(probe, happens))
      first.close()
      t.ok(points.length >= 8, `${points.length} points`)
      for (const [moment, nth] of points) {
        states.clear()
        const site = await halfWay(t, world)
        t.equal(await childAt(site, moment, nth, 'abandon'), 'SIGKILL', `killed ${moment} (${nth})`)
        const issuer = openIssuer(site)
        t.equal(await abandon(issuer, memoryOf(site)), 'abandoned')
        issuer.close()
        t.same(await records(), [[], []])
        t.same(seen(), ['deactivated', 'deactivated'], moment)
      }
    })

    await t.test('where it was finalized already the memory is kept', async (t) => {
      const folder = temporaryFolder()
      t.teardown(() => folder.remove())
      const site = { ...world.site, folder: folder.path }
      const issuer = openIssuer(site)
      t.teardown(() => issuer.close())
      await drive(issuer, await requestFor(names), memoryOf(site))
      t.equal(await abandon(issuer, memoryOf(site)), 'kept')
    })

    await t.test('nothing is asked of the CA before an order was placed', async (t) => {
      const issuer = world.open()
      t.equal(await abandon(issuer, world.memory()), 'abandoned')
    })
  }
)

t.test(
  'where the CA is down the answers are taken away all the same',
  { skip: dnsSkipped('debian') },
  async (t) => {
    const world = await dnsWorld(t)
    const site = await halfWay(t, world)
    await world.pebble.stop()
    const issuer = openIssuer(site)
    t.teardown(() => issuer.close())
    await t.rejects(abandon(issuer, memoryOf(site)), { code: 'acme-unreachable' })
    for (const name of names) t.same(await world.bind.txt(`_acme-challenge.${name}`), [])
  }
)

const sameRequest = (site: IssuerSite) => requestOf(readFileSync(join(site.folder, 'request.der')))
