import t, { type Test } from 'tap'
import type { Fleet, FleetIssuer, Sight } from './fleet-world.ts'
import { fleetPrograms, pebbleOfFleet, privateCaOfFleet, startFleet, startLoop } from './fleet-world.ts'
import type { Baseline, Look } from '../../sensor/automation/ports.ts'
import type { EventRow } from '../../sensor/store/events.ts'
import type { LoopReport } from '../peers/handshake-loop.ts'
import { hostMissing } from '../peers/hosts/host.ts'

const issuers: readonly FleetIssuer[] = [privateCaOfFleet, pebbleOfFleet]

for (const issuer of issuers) {
  const missing = hostMissing(fleetPrograms) ?? issuer.missing()
  const skip = process.env['CI'] === 'true' ? undefined : missing
  const what = `one event renews twelve servers by ${issuer.name}, nobody is refused meanwhile, and again changes nothing`
  t.test(what, { ...(skip === undefined ? {} : { skip }), timeout: 1_500_000 }, async (t) => {
    t.equal(missing, undefined, 'all programs are installed')
    const fleet = await startFleet(t, issuer)
    const servers = fleet.programs.flatMap(({ sites }) => sites.filter((site) => 'rsa' in site.pairs))
    t.equal(servers.length, 12)
    t.same(
      await fleet.look(),
      expected(fleet, (sight) => sight.former),
      'all of them show what they did before'
    )
    const fresh = await renew(t, fleet)
    t.same(
      await fleet.look(),
      expected(fleet, (sight) => fresh[sight.family] ?? ''),
      'all of them show the new ones'
    )
    await again(t, fleet)
    t.same(
      await fleet.look(),
      expected(fleet, (sight) => fresh[sight.family] ?? ''),
      'and still do'
    )
  })
}

function expected({ sights }: Fleet, shown: (sight: Sight) => string): Readonly<Record<string, string>> {
  return Object.fromEntries(sights.map((sight) => [sight.label, sight.stays ? sight.former : shown(sight)]))
}

type Fresh = Readonly<Partial<Record<Sight['family'], string>>>

/** one event for all of them, under load; gives the new leaves */
async function renew(t: Test, fleet: Fleet): Promise<Fresh> {
  const { world, sights } = fleet
  const loops = await Promise.all(fleetPrograms.map((program) => startLoop(t, program, sights)))
  const event = await fleet.run({ profile: 'fresh', action: 'replace' })
  const reports = await Promise.all(loops.map(async (loop) => ({ ...loop, report: await loop.stop() })))
  t.equal(event.state, 'live', event.why)
  t.equal(world.deployments(event).length, 9, 'three of the nine targets are shared by two servers')
  t.equal(event.replans, 0, 'its own work is no reason to plan again')
  t.same(unseen(fleet, event), [], 'each name was looked at in both versions for both kinds of key')
  const orders = world.store.orders.of(event.id)
  t.equal(orders.length, 2, 'one certificate of each kind of key serves all')
  const [rsa = '', ecdsa = ''] = orders.map(({ fingerprint }) => fingerprint ?? '')
  for (const { program, report } of reports) judge(t, { program, report, sights, fresh: { rsa, ecdsa } })
  fleet.shelve(event)
  return { rsa, ecdsa }
}

/** what the engine could not see by handshake before it began, though it was to prove it */
function unseen({ world }: Fleet, event: EventRow): readonly Look[] {
  return world
    .deployments(event)
    .flatMap(({ baseline }) => JSON.parse(baseline ?? '[]') as Baseline)
    .filter(({ at, part, fingerprint }) => part === 'served' && at.name !== null && fingerprint === null)
}

interface Judged {
  readonly program: string
  readonly report: LoopReport
  readonly sights: readonly Sight[]
  readonly fresh: Fresh
}

function judge(t: Test, { program, report, sights, fresh }: Judged): void {
  const { made, failed, seconds, shown } = report
  const rate = made / seconds
  t.comment(`table: handshakes ${program}: ${made} made, ${failed.length} failed, ${rate.toFixed(0)}/s`)
  t.ok(rate >= 20, `at least 20 handshakes a second with ${program}: ${rate.toFixed(1)}`)
  t.same(failed, [], `none of the handshakes with ${program} failed`)
  for (const { label, family, former, stays } of sights.filter((sight) => sight.program === program)) {
    const wanted = stays ? [former] : [former, fresh[family]]
    t.same(shown[label], wanted, `${label} showed the former leaf, then the new one, and nothing else`)
  }
}

/** the same certificates once more: everything is in place */
async function again(t: Test, fleet: Fleet): Promise<void> {
  const { world } = fleet
  const before = fleet.untouched()
  const event = await fleet.run({ profile: 'shelf', action: 'request' })
  t.equal(event.state, 'live', event.why)
  t.equal(fleet.untouched(), before, 'no file was touched, and nobody reloaded')
  for (const of of world.deployments(event)) {
    t.match(of.why, /nothing was written/)
    t.same(world.store.journal.of(of.id), [], `no step was taken for ${of.target}`)
  }
}
