import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'

/** The openssl program in a directory of its own, which goes when the test ends. */
export interface OpenSsl {
  readonly directory: string
  /** Runs it in the directory; its standard output. */
  run(...args: readonly string[]): Buffer
  /** Writes a file of the directory. */
  write(name: string, content: string | Uint8Array): void
}

/** A test that needs the program: where it is not installed it skips, and in CI it fails. */
export function testWithOpenSsl(
  name: string,
  body: (t: Test, program: OpenSsl) => void | Promise<void>
): void {
  const isThere = isInstalled()
  if (!isThere && process.env['CI'] === 'true') throw new Error('openssl is not installed, and CI needs it')
  t.test(name, { skip: isThere ? false : 'openssl is not installed' }, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'tlsward-pki-'))
    t.teardown(() => rmSync(directory, { recursive: true, force: true }))
    await body(t, {
      directory,
      run: (...args) =>
        execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 }),
      write: (file, content) => writeFileSync(join(directory, file), content)
    })
  })
}

function isInstalled(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
