import { Type } from 'typebox'
import {
  newName,
  type BoundPlan,
  type Connector,
  type Plan,
  type Session,
  type Slot
} from '../../../connectors/contract.ts'
import type { Clock } from '../../../core/clock.ts'
import { Fault } from '../../../core/fault.ts'
import type { Random } from '../../../core/random.ts'
import type { Look, Wire } from '../../../sensor/automation/ports.ts'

/** A time in which something does not work. */
export interface Outage {
  readonly from: number
  readonly to: number
}

/** What a device of the year holds: one certificate for each target. */
export interface YearDevice {
  readonly name: string
  readonly held: Map<string, Slot>
  readonly outages: readonly Outage[]
}

/** The devices of the year, and what happened to them. */
export interface YearDevices {
  readonly connector: Connector
  readonly wire: Wire
  /** each time that a target came to show another certificate */
  readonly shown: readonly { readonly at: number; readonly place: string; readonly fingerprint: string }[]
}

interface YearTools {
  readonly clock: Clock
  readonly random: Random
  /** what part of the calls to devices fails by chance */
  readonly failing: number
}

/** Devices in memory behind the contract; their wire shows at once what they hold. */
export function yearDevices(devices: ReadonlyMap<string, YearDevice>, tools: YearTools): YearDevices {
  const shown: { at: number; place: string; fingerprint: string }[] = []
  const { clock, random, failing } = tools
  const answers = (device: YearDevice) => {
    const now = clock.now()
    if (device.outages.some(({ from, to }) => now >= from && now < to) || random.fraction() < failing) {
      throw new Fault('device-unreachable', `${device.name} does not answer`)
    }
  }
  const connector: Connector = {
    id: 'year',
    title: 'devices in memory',
    traits: { atomicSwap: true, explicitSave: false, lock: 'device' },
    settings: Type.Object({ name: Type.String() }),
    secrets: [],
    identify: () => Promise.resolve([]),
    async connect({ settings }) {
      const device = devices.get((settings as { name: string }).name)
      if (!device) throw new Fault('device-missing', 'no such device')
      answers(device)
      return Promise.resolve(
        session(
          device,
          () => answers(device),
          (target, fingerprint) => {
            shown.push({ at: clock.now(), place: `${device.name} ${target}`, fingerprint })
          }
        )
      )
    }
  }
  return { connector, shown, wire: yearWire(devices) }
}

function session(
  device: YearDevice,
  answers: () => void,
  tell: (target: string, fingerprint: string) => void
): Session {
  const holds = (plan: BoundPlan) => device.held.get(plan.target)?.fingerprint === plan.bound.ecdsa
  return {
    check: () => Promise.resolve({ product: 'year', version: '1', role: 'single', rights: [], notes: [] }),
    role: () => Promise.resolve('single'),
    async *discover() {
      yield await Promise.resolve([])
    },
    plan: ({ target, families }) => Promise.resolve(planOf(device, target, families)),
    async deploy(plan, [item], journal) {
      answers()
      const slot = device.held.get(plan.target)
      const facts = plan.facts as { names: string[] }
      if (item && slot && !holds(plan)) {
        device.held.set(plan.target, {
          ...slot,
          ...leafOf(item.leaf),
          names: facts.names,
          fingerprint: item.fingerprint
        })
        tell(plan.target, item.fingerprint)
      }
      answers()
      journal.done('switch')
      await Promise.resolve()
    },
    verify: (plan) =>
      Promise.resolve(
        holds(plan) ? { state: 'in-place' } : { state: 'differs', why: ['it holds another one'] }
      ),
    async rollback(plan, journal) {
      answers()
      const [before] = plan.before
      if (before && holds(plan)) {
        device.held.set(plan.target, before)
        tell(plan.target, before.fingerprint)
      }
      journal.undone('switch')
      await Promise.resolve()
    },
    cleanup: () => Promise.resolve([]),
    isOpen: () => true,
    close: () => Promise.resolve()
  }
}

function leafOf(pem: string): { readonly notAfter: number } {
  return { notAfter: yearEnds.get(pem) ?? 0 }
}

/** When each certificate of the year ends, by its PEM: reading them again and again would take most of the time. */
export const yearEnds = new Map<string, number>()

function planOf(device: YearDevice, target: string, families: Plan['families']): Plan {
  const slot = device.held.get(target)
  if (!slot) throw new Fault('target-missing', `no target ${target}`)
  return {
    connector: 'year',
    target,
    families,
    steps: [{ id: 'switch', says: `put ${newName('ecdsa')} in place` }],
    before: [slot],
    served: [{ address: '127.0.0.1', port: 443, name: `${device.name} ${target}`, starttls: null }],
    neighbours: [],
    shares: [],
    warnings: [],
    state: slot.fingerprint,
    facts: { names: slot.names }
  }
}

/** the wire of the year: each target is served under the name of its place */
function yearWire(devices: ReadonlyMap<string, YearDevice>): Wire {
  const see = (name: string): string | null => {
    const [device = '', target = ''] = name.split(' ')
    return devices.get(device)?.held.get(target)?.fingerprint ?? null
  }
  return {
    spared: () => Promise.resolve([]),
    baseline: ({ served }) =>
      Promise.resolve(
        served.map((at): Look => ({
          at,
          part: 'served',
          version: 'TLSv1.3',
          family: 'ecdsa',
          fingerprint: see(at.name ?? '')
        }))
      ),
    proves({ baseline, fresh }) {
      const wrong = baseline.filter(({ at }) => see(at.name ?? '') !== fresh[0]?.chain[0])
      const why = wrong.map(({ at }) => `${at.name} shows another one`)
      return Promise.resolve(why.length > 0 ? { state: 'differs', why } : { state: 'agrees', unproven: [] })
    },
    restored(baseline) {
      const wrong = baseline.filter(({ at, fingerprint }) => see(at.name ?? '') !== fingerprint)
      const why = wrong.map(({ at }) => `${at.name} shows another one`)
      return Promise.resolve(why.length > 0 ? { state: 'differs', why } : { state: 'agrees', unproven: [] })
    }
  }
}
