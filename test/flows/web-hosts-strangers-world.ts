import { chmodSync, chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Session } from '../../connectors/contract.ts'
import { makeFolder } from '../peers/hosts/files.ts'
import { startTestHost, type TestHost } from '../peers/hosts/host.ts'
import type { HostedProgram } from '../peers/hosts/program.ts'
import { type Running, startProcess } from '../peers/process.ts'
import { type Reach, signIn, twoSites } from './web-hosts-world.ts'

/** `nobody` of Debian: an account of the host that has no right to anything */
export const stranger = 65_534

/** A host with a program of root, and an account that means harm. */
export interface World {
  readonly host: TestHost
  readonly program: HostedProgram
  readonly session: Session
  /** a folder of the stranger */
  readonly theirs: string
  /** a path where the stranger's code leaves a mark when the login runs it: only root can write there */
  readonly mark: string
}

/** Starts it; programs of the files `nginx.conf`, `haproxy.cfg` and `httpd.conf` of the stranger are looked at too. */
export async function worldOf(
  t: Test,
  name: 'nginx' | 'haproxy' | 'apache',
  reach: Reach = {}
): Promise<World> {
  const host = await startTestHost({ programs: { [name]: twoSites() } })
  t.teardown(() => host.stop())
  const [program] = host.programs
  if (!program) throw new Error(`${name} was started`)
  // programs of other tests run on this machine too
  const others = ['nginx.conf', 'haproxy.cfg', 'httpd.conf', 'evil'].map(
    (file) => `${host.folder}/stranger/${file}`
  )
  const configs = [program.config, ...others, `${host.folder}/upgraded/nginx.conf`]
  const session = await signIn(host, { ...reach, settings: { configs, ...reach.settings } })
  t.teardown(() => session.close())
  const theirs = makeFolder(host.folder, 'stranger')
  const marks = makeFolder(host.folder, 'marks')
  chmodSync(marks, 0o700)
  chownSync(theirs, stranger, stranger)
  return { host, program, session, theirs, mark: join(marks, 'root-was-here') }
}

/** Gives a file to the stranger. */
export function give(path: string, text: string, mode = 0o755): string {
  writeFileSync(path, text, { mode })
  chownSync(path, stranger, stranger)
  return path
}

/** Starts a program that ends with the test. */
export function start(t: Test, command: Parameters<typeof startProcess>[0]): Running {
  const running = startProcess(command)
  t.teardown(() => running.stop())
  return running
}
