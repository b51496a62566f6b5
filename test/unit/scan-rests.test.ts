import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { plainScan } from '../../appliance/plain-scan.ts'
import { openStandalone } from '../../appliance/standalone/open.ts'
import { silentLog } from '../../core/log.ts'

t.test('a scan rests while its watcher does not keep up, and goes on then', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rests-'))
  const functions = openStandalone({
    where: { state: join(folder, 'state'), config: join(folder, 'config') },
    authorities: [],
    tell() {},
    log: silentLog,
    askPassphrase: async () => null,
    credentialsDirectory: undefined,
    command: 'test'
  })
  t.teardown(async () => {
    await functions.close()
    rmSync(folder, { recursive: true })
  })
  let done = 0
  const whileBehind: number[] = []
  const watch = {
    scope: () => true,
    progress: (progress: { readonly done: number }) => void (done = progress.done),
    isBehind() {
      const isBehind = whileBehind.length < 3
      if (isBehind) whileBehind.push(done)
      return isBehind
    }
  }
  const request = { ...plainScan, targets: [{ source: null, text: '127.0.0.1-127.0.0.9' }], ports: '1' }
  const [scan] = await functions.scan(request, watch, new AbortController().signal)
  t.same(whileBehind, [0, 0, 0], 'nothing is probed meanwhile')
  t.match(scan, { state: 'finished', done: 9 })
})
