import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sparedPlaces } from '../../appliance/automation/spared-places.ts'
import { systemClock } from '../../core/clock.ts'
import { directoryFor } from './inventory-world.ts'

const { signal } = new AbortController()
const at = (address: string, port = 443, name: string | null = null) => ({
  address,
  port,
  name,
  starttls: null
})

/** what a list spares, with a resolver that knows two names */
function sparing(t: Parameters<typeof directoryFor>[0], list: string | null) {
  const state = directoryFor(t)
  mkdirSync(join(state, 'config'))
  if (list !== null) writeFileSync(join(state, 'do-not-scan'), list)
  const known: Readonly<Record<string, readonly string[]>> = {
    'db.test': ['10.0.0.7'],
    'front.test': ['10.0.0.5', '2001:db8::5']
  }
  let ticks = 0
  const spared = sparedPlaces({
    where: { state, config: join(state, 'config') },
    clock: { ...systemClock, ticks: () => ticks },
    async resolver(name) {
      const found = known[name]
      if (found) return found
      throw Object.assign(new Error('no answer'), { code: name === 'lost.test' ? 'ESERVFAIL' : 'ENOTFOUND' })
    }
  })
  return {
    state,
    later: () => void (ticks += 61_000),
    async at(...places: ReturnType<typeof at>[]) {
      return (await spared(places, signal)).map(({ address, port }) => `${address} ${port}`)
    }
  }
}

t.test('places are spared by address, port, server name, and what a host name leads to', async (t) => {
  const spares = sparing(t, '10.0.0.5:8443\n10.1.0.0/16\ndb.test\nsecret.test:443\n')
  t.same(await spares.at(at('10.0.0.5'), at('10.0.0.5', 8443), at('10.1.2.3', 25)), [
    '10.0.0.5 8443',
    '10.1.2.3 25'
  ])
  t.same(
    await spares.at(at('10.0.0.7'), at('10.9.9.9', 443, 'SECRET.test'), at('10.9.9.9', 444, 'secret.test')),
    ['10.0.0.7 443', '10.9.9.9 443']
  )
  t.same(await spares.at(at('front.test', 8443), at('front.test'), at('nowhere.test')), ['front.test 8443'])
})

t.test('without a list nothing is spared, and one that is made is read a minute later', async (t) => {
  const spares = sparing(t, null)
  t.same(await spares.at(at('10.0.0.5')), [])
  writeFileSync(join(spares.state, 'do-not-scan'), '10.0.0.5\n')
  spares.later()
  t.same(await spares.at(at('10.0.0.5')), ['10.0.0.5 443'])
})

t.test('a list that cannot be read, or not be resolved now, is no list without entries', async (t) => {
  const spares = sparing(t, 'lost.test\n')
  await t.rejects(spares.at(at('10.0.0.5')), { code: 'dns-unreachable' })
  rmSync(join(spares.state, 'do-not-scan'))
  mkdirSync(join(spares.state, 'do-not-scan'))
  await t.rejects(spares.at(at('10.0.0.5')), { code: 'file-unreadable' })
})
