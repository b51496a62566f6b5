// Does one thing with a vault, and stands still at a chosen call of its store, until there is a file DIRECTORY/go:
//   node vault-writer.ts DIRECTORY KEYFILE ACT [CALL NTH]
// ACT is `open`, `rotate`, `change` (to KEYFILE.new) or `put`; it says `inside` where it stands, `did ACT` at the end.
import { existsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Secret } from '../../core/secret.ts'
import { type SealedStore } from '../../sensor/store/sealed.ts'
import { openStore } from '../../sensor/store/store.ts'
import { device, vaultOn } from './vault-world.ts'

const say = (text: string) => writeSync(1, `${text}\n`)

const still = new Int32Array(new SharedArrayBuffer(4))

interface Halt {
  readonly call: string | undefined
  readonly nth: number
  /** the file that ends it */
  readonly go: string
}

function halting(store: SealedStore, { call, nth, go }: Halt): SealedStore {
  let calls = 0
  type Work = (...args: unknown[]) => unknown
  const wrapped = Object.entries(store as unknown as Record<string, Work>).map(([name, work]) => [
    name,
    (...args: unknown[]) => {
      if (name === call && ++calls === nth) {
        say('inside')
        for (let turn = 0; turn < 6_000 && !existsSync(go); turn++) Atomics.wait(still, 0, 0, 10)
      }
      return work(...args)
    }
  ])
  return Object.fromEntries(wrapped) as SealedStore
}

if (import.meta.main) {
  const [directory = '', file = '', act = '', call, nth] = process.argv.slice(2)
  const store = openStore({ directory, busyMs: 5_000 })
  const halt = { call, nth: Number(nth), go: join(directory, 'go') }
  const vault = await vaultOn(halting(store.sealed, halt), { kind: 'file', path: file })
  if (act === 'rotate') vault.rotate()
  if (act === 'change') await vault.changeSource({ kind: 'file', path: `${file}.new` })
  if (act === 'put') vault.put(device('new'), 'password', new Secret('a new one'))
  say(`did ${act}`)
  store.close()
}
