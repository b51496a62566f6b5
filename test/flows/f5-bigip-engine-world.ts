import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import { f5BigIp } from '../../connectors/f5-bigip/index.ts'
import { systemClock } from '../../core/clock.ts'
import { Secret } from '../../core/secret.ts'
import type { EngineDeps } from '../../sensor/automation/ports.ts'
import { wholeProfile } from '../../sensor/automation/profile.ts'
import { requestEvent } from '../../sensor/automation/requests.ts'
import type { EventRow } from '../../sensor/store/events.ts'
import { openStore } from '../../sensor/store/store.ts'
import { accessTo } from '../contract/f5-bigip.ts'
import { createFileCa } from '../peers/file-ca.ts'
import { BigIp, demoAccounts } from '../simulators/f5-bigip/big-ip.ts'
import { type SeededSite, sitesSeed, type SitesWish } from '../simulators/f5-bigip/sites-seed.ts'
import { directoryFor } from '../unit/inventory-world.ts'
import { withMoments } from './engine-moments.ts'
import { day, limits, openSite } from './engine-world.ts'

/** The clock of the machine, on which no time passes between two of its ticks but what a test skips. */
function heldClock() {
  const clock = { ...systemClock, skipped: 0, ticks: () => clock.skipped }
  return clock
}

/** An engine that works by itself, and a BIG-IP with sites; all of it ends with the test. */
export async function openBigIpSite(
  t: Test,
  wish: Pick<SitesWish, 'count' | 'certificates'>,
  change: Partial<EngineDeps> = {}
) {
  const { seed, sites } = await sitesSeed({ ...wish, address: '127.0.0.1', domain: 'big.test' })
  const unit = await BigIp.start({ seed })
  t.teardown(() => unit.stop())
  const root = directoryFor(t)
  mkdirSync(join(root, 'ca'))
  await createFileCa(join(root, 'ca'), Date.now())
  const happens = new Map<string, () => void>()
  const clock = heldClock()
  const kept = openStore({ directory: join(root, 'state'), busyMs: 2_000 })
  const { store, engine } = openSite(
    { root, shift: 0, lifetimeMs: 90 * day },
    {
      clock,
      store: withMoments(kept, (moment) => happens.get(moment)?.()),
      limits: { ...limits, callMs: 60_000 },
      connector: (id) => (id === f5BigIp.id ? f5BigIp : undefined),
      credentials: async () => (field) =>
        field === 'password' ? new Secret(demoAccounts[0]?.password ?? '') : undefined,
      ...change
    }
  )
  await addUnit(store, unit)
  const rollout = { canary: 'none', soakMinutes: 0, atOnce: 100 }
  const keep = { generations: 1, graceHours: 0 }
  store.profiles.put('web', JSON.stringify(wholeProfile({ issuer: 'ca', rollout, keep })), Date.now())
  const stop = new AbortController()
  const running = engine.run(stop.signal)
  t.teardown(() => store.close())
  return {
    unit,
    sites,
    store,
    happens,
    clock,
    /** asks for one certificate for some sites */
    request(wanted: readonly SeededSite[]): number {
      const targets = wanted.map(({ profile }) => ({ device: 'big', target: profile }))
      const wish = { action: 'renew', profile: 'web', start: null, hours: 'window', who: 'alice' } as const
      return requestEvent(engine.context, { ...wish, targets }).id
    },
    /** waits until events are over, cleaned up too */
    async over(ids: readonly number[]): Promise<EventRow[]> {
      const ends: readonly string[] = ['cleaned', 'rolled-back', 'failed', 'stuck']
      engine.poke()
      for (const end = performance.now() + 60_000; performance.now() < end; await pause(20)) {
        if (ids.every((id) => ends.includes(store.events.get(id).state))) break
      }
      return ids.map((id) => store.events.get(id))
    },
    async stop() {
      stop.abort()
      await running
    }
  }
}

async function addUnit({ devices }: ReturnType<typeof openStore>, unit: BigIp): Promise<void> {
  const access = accessTo([unit])
  const now = Date.now()
  const settings = JSON.stringify(access.settings)
  const id = devices.add({ name: 'big', connector: f5BigIp.id, settings, created: now })
  const pins = await f5BigIp.identify(access, new AbortController().signal)
  devices.setPins(
    id,
    pins.map((pin) => ({ ...pin, accepted: now }))
  )
  devices.setWritable(id, 'writable')
}
