// MySQL and MariaDB bar an address after a number of connection errors (max_connect_errors, 100 by default).
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { skipWithout } from '../peers/row.ts'
import { serviceMissing } from '../peers/services.ts'

const missing = serviceMissing('mariadb') ?? (canUnshare() ? undefined : 'no network namespaces here')

function canUnshare(): boolean {
  return spawnSync('unshare', ['--net', '--mount', 'ip', 'link', 'show', 'lo']).status === 0
}

t.test('a database is scanned two hundred times and bars nobody', async (t) => {
  if (missing !== undefined) return t.pass(missing, { skip: skipWithout(missing) })
  const world = fileURLToPath(new URL('./barring-world.ts', import.meta.url))
  const args = ['--net', '--mount', process.execPath, world]
  const { stdout } = await promisify(execFile)('unshare', args, { timeout: 120_000 })
  const { scans, cuts } = JSON.parse(stdout) as Record<string, Record<string, number>>
  t.same(scans, { 'certificate ours': 200 })
  t.equal((cuts?.['greeted'] ?? 0) + (cuts?.['barred'] ?? 0), 120)
  t.ok((cuts?.['barred'] ?? 0) > 0, 'a server that counts: who goes without a word is barred in the end')
  return undefined
})
