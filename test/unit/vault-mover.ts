// Moves the vault of a place to another source, and is stopped at a chosen call of its store:
//   node vault-mover.ts STATE CONFIG SOURCE [CALL NTH]
// SOURCE is JSON as in the settings. It says `inside` where it stands still, `moved` at the end.
import { writeSync } from 'node:fs'
import { createNameTurns } from '../../appliance/automation/name-turns.ts'
import { openSiteVault } from '../../appliance/automation/open-vault.ts'
import { changeVaultSource } from '../../appliance/automation/vault-functions.ts'
import { systemRandom } from '../../core/random.ts'
import type { SealedStore } from '../../sensor/store/sealed.ts'
import { openStore } from '../../sensor/store/store.ts'
import { moment } from './vault-world.ts'

const say = (text: string) => writeSync(1, `${text}\n`)
const still = new Int32Array(new SharedArrayBuffer(4))

function halting(store: SealedStore, call: string | undefined): SealedStore {
  type Work = (...args: unknown[]) => unknown
  const wrapped = Object.entries(store as unknown as Record<string, Work>).map(([name, work]) => [
    name,
    (...args: unknown[]) => {
      if (name === call) {
        say('inside')
        Atomics.wait(still, 0, 0, 60_000)
      }
      return work(...args)
    }
  ])
  return Object.fromEntries(wrapped) as SealedStore
}

if (import.meta.main) {
  const [state = '', config = '', source = '', call] = process.argv.slice(2)
  const store = openStore({ directory: state, busyMs: 5_000 })
  const where = { state, config }
  const asked = { credentialsDirectory: undefined, askPassphrase: async () => null }
  const parts = { where, clock: { now: () => moment }, random: systemRandom, ...asked }
  const sealed = halting(store.sealed, call)
  const { vault, openedBy } = await openSiteVault({ ...parts, store: { ...store, sealed } })
  const site = { vault, vaultSource: { openedBy }, vaultTurns: createNameTurns(), ...parts }
  await changeVaultSource(site, JSON.parse(source), null)
  say('moved')
  store.close()
}
