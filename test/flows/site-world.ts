import { join } from 'node:path'
import type { Test } from 'tap'
import { openSite, type Site, type SiteParts } from '../../appliance/automation/site.ts'
import { systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { openStore } from '../../sensor/store/store.ts'
import { directoryFor } from '../unit/inventory-world.ts'

/** The automation as the product opens it, on a new state directory. */
export async function siteFor(t: Test, change: Partial<SiteParts> = {}): Promise<Site> {
  const folder = directoryFor(t)
  const where = { state: join(folder, 'state'), config: join(folder, 'config') }
  const store = openStore({ directory: where.state, busyMs: 2_000 })
  t.teardown(() => store.close())
  return openSite({
    store,
    where,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    credentialsDirectory: undefined,
    authorities: [],
    askPassphrase: async () => null,
    ...change
  })
}

/** This machine as a device, on which there is nothing to find. */
export const thisMachine = (name: string) => ({
  name,
  connector: 'web-hosts',
  settings: { place: 'local', programs: [] },
  secrets: {},
  pins: []
})

/** The names of what the vault keeps of an owner. */
export function keptOf({ store }: Site, ownerKind: string, ownerId: string): string[] {
  return store.sealed.fields({ ownerKind, ownerId }).map(({ field }) => field)
}
