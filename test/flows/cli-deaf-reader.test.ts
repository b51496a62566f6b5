import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const launcher = fileURLToPath(new URL('../../bin/tlsward.js', import.meta.url))

t.test('a scan does not end because nobody reads what it says of itself', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'tlsward-deaf-'))
  t.teardown(() => rmSync(home, { recursive: true, force: true }))
  const words = ['scan', '127.0.0.0/28', '--ports', '1', '--rate', '20', '--json']
  const child = spawn(process.execPath, [launcher, ...words], {
    env: { HOME: home, TLSWARD_STATE: join(home, 'state'), TLSWARD_CONFIG: join(home, 'config') },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  child.stderr.once('data', () => child.stderr.destroy())
  let printed = ''
  child.stdout.on('data', (bytes: Buffer) => (printed += bytes.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  t.equal(code, 0)
  t.match(JSON.parse(printed), { type: 'scan', state: 'finished', done: 16 })
})
