// Does one thing with a vault, and stands still for a minute at a chosen call of its store:
//   node vault-writer.ts DIRECTORY KEYFILE ACT [CALL NTH]
// ACT is `open`, `rotate`, `change` (to KEYFILE.new) or `put`; it says `inside` where it stands, `did ACT` at the end.
import { writeSync } from 'node:fs'
import { Secret } from '../../core/secret.ts'
import { type SealedStore } from '../../sensor/store/sealed.ts'
import { openStore } from '../../sensor/store/store.ts'
import { device, vaultOn } from './vault-world.ts'

const say = (text: string) => writeSync(1, `${text}\n`)

function halting(store: SealedStore, call: string | undefined, nth: number): SealedStore {
  let calls = 0
  type Work = (...args: unknown[]) => unknown
  const wrapped = Object.entries(store as unknown as Record<string, Work>).map(([name, work]) => [
    name,
    (...args: unknown[]) => {
      if (name === call && ++calls === nth) {
        say('inside')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
      }
      return work(...args)
    }
  ])
  return Object.fromEntries(wrapped) as SealedStore
}

if (import.meta.main) {
  const [directory = '', file = '', act = '', call, nth] = process.argv.slice(2)
  const store = openStore({ directory, busyMs: 5_000 })
  const vault = await vaultOn(halting(store.sealed, call, Number(nth)), { kind: 'file', path: file })
  if (act === 'rotate') vault.rotate()
  if (act === 'change') await vault.changeSource({ kind: 'file', path: `${file}.new` })
  if (act === 'put') vault.put(device('new'), 'password', new Secret('a new one'))
  say(`did ${act}`)
  store.close()
}
