import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { isInstalled } from '../peers/process.ts'
import { skipWithout } from '../peers/row.ts'

const script = fileURLToPath(new URL('../unit/vault-writer.ts', import.meta.url))
const noStrace = skipWithout(isInstalled('strace') ? undefined : 'strace is not installed')

interface Traced {
  /** calls in their order: `write FILE`, `sync FILE`, and what the program said */
  readonly calls: readonly string[]
  readonly code: number | null
}

/** What a program asks of the disk, as the kernel sees it. */
function traced(directory: string, ...args: readonly string[]): Traced {
  const log = join(directory, 'trace')
  const watched = ['-f', '-y', '-o', log, '-e', 'trace=write,pwrite64,writev,fsync,fdatasync']
  const program = [process.execPath, script, directory, join(directory, 'vault.key'), ...args]
  const { status } = spawnSync('strace', [...watched, ...program], { timeout: 60_000 })
  const calls = readFileSync(log, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, name = '', path = '', rest = ''] = /(\w+)\(\d+<([^>]*)>(.*)/.exec(line) ?? []
      if (/"did /.test(rest)) return [rest.includes('did put') ? 'said did put' : 'said']
      if (!path.startsWith(directory)) return []
      const kind = name.includes('sync') ? 'sync' : 'write'
      return [`${kind} ${path.slice(directory.length + 1)}`]
    })
  return { calls, code: status }
}

t.test(
  'a secret is flushed to the disk before it is acknowledged, its key before that',
  { skip: noStrace },
  (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'tlsward-durable-'))
    t.teardown(() => rmSync(directory, { recursive: true, force: true }))
    const { calls, code } = traced(directory, 'put')
    t.equal(code, 0)
    const said = calls.indexOf('said did put')
    t.ok(said > 0, 'it was acknowledged')
    const before = calls.slice(0, said)
    const written = before.lastIndexOf('write tlsward.db-wal')
    t.ok(written > 0, 'it went to the log')
    t.ok(before.lastIndexOf('sync tlsward.db-wal') > written, 'the log was flushed after that')
    const draft = before.findIndex((call) => call.startsWith('write vault.key.'))
    const flushed = before.findIndex((call, at) => at > draft && call.startsWith('sync vault.key.'))
    const folder = before.findIndex((call, at) => at > flushed && call === 'sync ')
    t.ok(draft >= 0 && flushed > draft, 'the key file was flushed')
    t.ok(folder > flushed, 'so was its folder')
    const first = before.indexOf('write tlsward.db-wal', folder)
    t.ok(first > folder, 'and only then was anything sealed')
    t.end()
  }
)
