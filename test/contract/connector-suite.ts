import type { Test } from 'tap'
import { outsideCases } from './cases.ts'
import { cutPoints } from './cut-points.ts'
import { deviceKeyCases } from './device-keys.ts'
import { insideCases } from './inside-cases.ts'
import { refusals } from './refusals.ts'
import type { ContractCase, WorldKind } from './world.ts'

/**
 * Holds a connector to the contract, on each kind of device: every case and every cut point on a
 * device of its own, one after the other. Gives the numbers of cases and cut points that ran.
 */
export async function connectorSuite(
  t: Test,
  kind: WorldKind
): Promise<{ readonly cases: number; readonly points: number }> {
  const missing = kind.missing()
  if (missing !== undefined && process.env['CI'] !== 'true') {
    t.pass(`${kind.name}: ${missing}`, { skip: missing })
    return { cases: 0, points: 0 }
  }
  t.equal(missing, undefined, `${kind.name} can be started`)
  const all = [...outsideCases, ...insideCases, ...refusals(kind)]
  const cuts = await cutPoints(kind)
  const keys = await deviceKeyCases(t, kind)
  for (const one of [...all, ...cuts, ...keys.cases, ...keys.points]) await onDevice(t, kind, one)
  return { cases: all.length + keys.cases.length, points: cuts.length + keys.points.length }
}

async function onDevice(t: Test, kind: WorldKind, { what, run }: ContractCase): Promise<void> {
  await t.test(`${kind.name}: ${what}`, async (t) => {
    const world = await kind.open()
    try {
      await run(t, world)
    } finally {
      await world.stop()
    }
  })
}
