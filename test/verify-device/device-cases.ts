import { outsideCases } from '../contract/cases.ts'
import { cutAfterStep } from '../contract/cut-points.ts'
import { journalOf, prepare, shownInTheEnd, signal, withSession } from '../contract/deployment.ts'
import { insideCases } from '../contract/inside-cases.ts'
import { refusals } from '../contract/refusals.ts'
import type { ContractCase, OutsideWorld, WorldKind } from '../contract/world.ts'
import type { Json } from '../../connectors/contract.ts'
import type { Target } from './device.ts'
import type { Looks } from './looks.ts'

type DeviceCase = ContractCase<OutsideWorld>

/** A case that cannot be tried on a device of somebody's, with the reason. */
export interface LeftOut {
  readonly what: string
  readonly why: string
}

/** earlier deployments that a clean-up is told to keep: those of the product are nothing to us */
const keepAll = 1_000

const cleanup: DeviceCase = {
  what: 'clean-up removes nothing that is in use, or that an undo needs',
  does: 'writes',
  async run(t, world) {
    const before = await world.shown()
    await withSession(world, async (session) => {
      const { plan, bundle, fingerprints } = await prepare(world, session)
      const journal = journalOf()
      await session.deploy(plan, bundle, journal, signal)
      t.same(await session.cleanup(plan, keepAll, journalOf(), signal), [])
      const wanted = world.expected(fingerprints)
      t.same(await shownInTheEnd(world, wanted), wanted)
      t.same(await session.verify(plan, signal), { state: 'in-place' })
      await session.rollback(plan, journal, signal)
      t.same(await shownInTheEnd(world, before), before)
    })
  }
}

function seen({ families, binding }: Target, { all, notes }: Looks): DeviceCase {
  return {
    what: 'each kind of key of the target is seen by a handshake from here',
    does: 'reads',
    async run(t) {
      const unseen = families.filter((family) => !all.some((look) => look.family === family))
      const tried = notes.join('; ') || `${binding.target} is served nowhere`
      t.same(unseen, [], `not seen (${tried})`)
    }
  }
}

/** What no connector takes, whatever its settings and credentials are. */
const refused: Pick<WorldKind, 'badSettings' | 'badAccess'> = {
  badSettings: (good) => [
    { what: 'a name that is none', settings: { ...(good as Record<string, Json>), noSuchSetting: 'x' } },
    { what: 'no object', settings: 'x' }
  ],
  badAccess: [
    {
      what: 'another key than the accepted one stops before the sign-in',
      code: 'device-pin',
      of: (access) => ({ ...access, pins: access.pins.map((pin) => ({ ...pin, fingerprint: 'SHA256:x' })) })
    },
    {
      what: 'a device whose key nobody has accepted is not signed in to',
      code: 'device-pin',
      of: (access) => ({ ...access, pins: [] })
    }
  ]
}

/** Cases that change nothing. */
export function readingCases(target: Target, looks: Looks, pins: 'some' | 'none'): readonly DeviceCase[] {
  return [
    ...outsideCases.filter(({ does }) => does === 'reads'),
    seen(target, looks),
    // what shows no key of its own is not recognised by one
    ...refusals(pins === 'some' ? refused : { ...refused, badAccess: [] })
  ]
}

/** Cases that replace the target's certificate, and put it back. */
export const writingCases: readonly DeviceCase[] = [
  ...outsideCases.filter(({ does }) => does === 'writes'),
  cleanup
]

/** Cuts of the connection, for the steps of a plan. */
export function cutCases(steps: readonly string[]): readonly DeviceCase[] {
  return steps.map((step) => cutAfterStep({ step, how: 'cable', next: 'undo' }))
}

/** What only simulated and test devices are held to. */
export const leftOut: readonly LeftOut[] = insideCases.map(({ what }) => ({
  what,
  why: 'others would have to change the device meanwhile, or one would have to look into it'
}))
