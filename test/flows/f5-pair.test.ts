import t, { type Test } from 'tap'
import type { EventRow } from '../../sensor/store/events.ts'
import type { LoggedRequest } from '../simulators/f5-bigip/request-log.ts'
import { isSaved, type PairSight, type PairWorld, startPairWorld } from './f5-pair-world.ts'

const what =
  'one event replaces the certificates of seven virtual servers on a pair of BIG-IPs, again changes nothing, and a ' +
  'fail-over is followed'

t.test(what, { timeout: 300_000 }, async (t) => {
  const made = await startPairWorld(t)
  const before = await made.look()
  const fresh = await replaced(t, made, before)
  await again(t, made)
  t.same(await made.look(), expected(made, before, fresh), 'and all of them still show the same')
  await failedOver(t, made, before)
})

type Shown = Readonly<Record<string, string>>
type Fresh = Readonly<Record<PairSight['family'], string>>

/** one event for all targets; gives the new leaves */
async function replaced(t: Test, made: PairWorld, before: Shown): Promise<Fresh> {
  const { world, pair } = made
  const event = await made.run('fresh')
  t.equal(event.state, 'live', event.why)
  t.equal(event.replans, 0, 'its own work is no reason to plan again')
  t.equal(world.deployments(event).length, made.targets.length)
  for (const { target, state, why } of world.deployments(event)) t.equal(state, 'live', `${target}: ${why}`)
  t.equal(world.store.orders.of(event.id).length, 2, 'one certificate of each kind of key serves all')
  const fresh = leavesOf(made, event)
  const wanted = expected(made, before, fresh)
  t.same(await made.look(), wanted, 'all of them show the new ones')
  await rested(t, made)
  t.equal(pair.active, pair.a)
  await pair.failover()
  t.equal(pair.active, pair.b)
  t.same(await made.look(), wanted, 'and so they do on the other unit')
  for (const unit of [pair.a, pair.b]) await unit.reboot()
  t.equal(pair.active, pair.a)
  t.same(await made.look(), wanted, 'and after a reboot of both')
  await rested(t, made)
  made.shelve(event)
  return fresh
}

function leavesOf({ world }: PairWorld, event: EventRow): Fresh {
  const [rsa, ecdsa] = world.store.orders.of(event.id)
  return { rsa: rsa?.fingerprint ?? '', ecdsa: ecdsa?.fingerprint ?? '' }
}

function expected({ sights }: PairWorld, before: Shown, fresh: Fresh): Shown {
  const shown = ({ label, stays, family }: PairSight) => (stays ? (before[label] ?? '') : fresh[family])
  return Object.fromEntries(sights.map((sight) => [sight.label, shown(sight)]))
}

/** saved, alike and clean: nothing of a deployment is left but what it was for */
async function rested(t: Test, made: PairWorld): Promise<void> {
  const { pair } = made
  await made.signOut()
  await pair.settled()
  const [one, other] = [pair.a, pair.b].map((unit) => JSON.stringify(unit.snapshot().running))
  t.equal(one, other, 'both units hold the same')
  t.same([pair.group.ahead, pair.group.state], [[], 'idle'], 'and are in sync')
  for (const unit of [pair.a, pair.b]) {
    t.ok(isSaved(unit), `${unit.hostname} has saved it`)
    t.same(unit.uploads, {}, `${unit.hostname} has no upload left`)
    t.same(unit.tokens, [], `${unit.hostname} has no token left`)
    t.same(unit.transactions, [], `${unit.hostname} has no transaction left`)
  }
}

/** the same certificates once more: everything is in place */
async function again(t: Test, made: PairWorld): Promise<void> {
  const { world, pair } = made
  const untouched = () =>
    JSON.stringify([pair.a, pair.b].map((unit) => [unit.system.running, unit.system.saved, unit.uploads]))
  const before = untouched()
  const asked = [pair.a, pair.b].map(({ requests }) => requests.length)
  const event = await made.run('shelf')
  t.equal(event.state, 'live', event.why)
  t.equal(untouched(), before, 'not even a generation was counted')
  const requests = [pair.a, pair.b].flatMap((unit, at) => unit.requests.slice(asked[at]))
  t.ok(requests.length > 0, 'they are counted')
  t.same(requests.filter(isWrite), [], 'nothing that writes was asked for')
  for (const of of world.deployments(event)) {
    t.match(of.why, /nothing was written/)
    t.same(world.store.journal.of(of.id), [], `no step was taken for ${of.target}`)
  }
  await rested(t, made)
}

/** signing in and out are none, nor is the question whether a file that nobody has may be removed */
function isWrite({ method, path, body }: LoggedRequest): boolean {
  if (method === 'GET' || path.startsWith('/mgmt/shared/auth')) return false
  return !(path === '/mgmt/tm/util/unix-rm' && body.includes('/tlsward-check"'))
}

/** the other unit becomes active when the first of the profiles is about to be changed */
async function failedOver(t: Test, made: PairWorld, before: Shown): Promise<void> {
  const { pair } = made
  t.equal(pair.active, pair.a)
  pair.a.faults.add({
    does: 'meanwhile',
    method: 'PATCH',
    path: '/mgmt/tm/ltm/profile/client-ssl/',
    run: () => pair.failover()
  })
  const event = await made.run('fresh')
  t.equal(event.state, 'live', event.why)
  t.equal(pair.a.faults.waiting, 0, 'there was a fail-over')
  t.equal(pair.active, pair.b)
  const wanted = expected(made, before, leavesOf(made, event))
  t.same(await made.look(), wanted, 'all of them show the new ones on the unit that is active now')
  await rested(t, made)
  await pair.failover()
  t.same(await made.look(), wanted, 'and on the one that was')
}
