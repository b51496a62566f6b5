import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const source = (path: string) => new URL(`../../${path}`, import.meta.url).href
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

t.test('very many records are made no faster than they are read', async (t) => {
  const program = `
    import { printEach } from ${JSON.stringify(source('appliance/cli/output.ts'))}
    import { openScreen } from ${JSON.stringify(source('appliance/cli/screen.ts'))}
    const screen = openScreen({ quiet: true })
    let most = 0
    await printEach(screen, Array.from({ length: 20_000 }, () => 'x'.repeat(1_000)), (record) => {
      screen.result(record)
      most = Math.max(most, process.stdout.writableLength)
    })
    process.stderr.write(String(most))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const heard = { printed: 0, most: '' }
  child.stdout.on('data', (bytes: Buffer) => (heard.printed += bytes.length))
  child.stderr.on('data', (bytes: Buffer) => (heard.most += bytes.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  t.equal(code, 0, heard.most)
  t.equal(heard.printed, 20_000 * 1_001)
  t.ok(Number(heard.most) <= 500 * 1_001, `${heard.most} bytes waited at most`)
})
