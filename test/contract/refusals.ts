import { codeOf, signal } from './deployment.ts'
import type { ContractCase, OutsideWorld, Proof, WorldKind } from './world.ts'

/** Settings and access that a connector must refuse, and how. */
export function refusals(
  bad: Pick<WorldKind, 'badSettings' | 'badAccess'>
): readonly ContractCase<OutsideWorld>[] {
  const access = bad.badAccess.map(({ what, code, ...changed }) => ({
    what,
    does: 'reads' as const,
    async run(t: Proof, world: OutsideWorld) {
      const start = performance.now()
      t.equal(await codeOf(world.connector.connect(changed.of(world.access), signal)), code)
      t.ok(performance.now() - start < 30_000, 'within 30 s')
      t.equal(world.logged().includes('-----BEGIN'), false, 'nothing secret is logged')
    }
  }))
  const settings = {
    what: 'settings that are not right are refused by name',
    does: 'reads' as const,
    async run(t: Proof, world: OutsideWorld) {
      for (const { what, settings } of bad.badSettings(world.access.settings)) {
        const code = await codeOf(world.connector.connect({ ...world.access, settings }, signal))
        t.equal(code, 'settings-malformed', what)
      }
    }
  }
  return [settings, ...access]
}
