import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { TestHost } from '../peers/hosts/host.ts'
import type { HostedProgram } from '../peers/hosts/program.ts'
import { type Bench, type Ran, type RunOptions, type Started } from './cli.ts'

/** A command of the CLI that must end with this code, 0 by default; `fails`: with any other than 0. */
export type Act = (
  words: readonly string[],
  more?: RunOptions & { readonly code?: number | 'fails' }
) => Promise<Ran>

/** Runs commands of a bench; an error tells all that the command said. */
export function actor(bench: Bench, ended: (words: readonly string[], ran: Ran) => void = () => {}): Act {
  return async (words, { code = 0, ...options } = {}) => {
    const ran = await bench.run(words, options)
    ended(words, ran)
    if (code === 'fails' ? (ran.code ?? 0) > 0 : ran.code === code) return ran
    throw new Error(`tlsward ${words.join(' ')} ended with ${ran.code}\n${ran.stdout}\n${ran.stderr}`)
  }
}

/** A running appliance. */
export interface Appliance {
  readonly pid: number
  /** its log so far */
  log(): string
  /** ends it in order, and gives all that it wrote */
  stop(): Promise<Ran>
}

/** Starts `tlsward run` and waits until commands reach it. */
export async function startAppliance(bench: Bench): Promise<Appliance> {
  let log = ''
  const watch: RunOptions['watch'] = ({ output }) => void (log = output.stderr)
  const started: Started = bench.start(['run', '--log-level', 'debug'], { watch })
  const socket = join(bench.state, 'tlsward.sock')
  for (const end = performance.now() + 20_000; !existsSync(socket) || !log.includes('appliance-running');) {
    if (performance.now() > end || started.process.exitCode !== null) throw new Error(`no appliance: ${log}`)
    await pause(20)
  }
  return {
    pid: started.process.pid ?? 0,
    log: () => log,
    async stop() {
      started.process.kill('SIGTERM')
      return started.ended
    }
  }
}

/** Words of `device add` for a test host that is reached over SSH, its key accepted. */
export function overSsh({ sshd, programs }: TestHost, settings: readonly string[] = []): string[] {
  const configs = programs.map(({ config }) => config).join(',')
  return [
    'web-hosts',
    'address=127.0.0.1',
    `port=${sshd.port}`,
    `user=${sshd.user}`,
    `configs=${configs}`,
    ...settings,
    '--fingerprint',
    sshd.hostKey
  ]
}

/** Lets an nginx of a test host serve a folder over HTTP, which the user of the web server owns. */
export async function serveFolder(nginx: HostedProgram, folder: string, port: number): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const server = `server { listen 127.0.0.1:${port}; root ${folder}; }\n`
  writeFileSync(join(dirname(nginx.config), 'sites/http.conf'), server)
  await nginx.reload()
}

/** Writes a file that only its owner may read; gives its path. */
export function secretFile(folder: string, name: string, content: string): string {
  const path = join(folder, name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(path, content, { mode: 0o600 })
  return path
}
