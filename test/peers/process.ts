import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, chmodSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { atDeath, quoted } from './guard.ts'

/** A program to run in the background. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** user and group id that it runs as, for a test that is root */
  readonly account?: number
  /** what it is called in its own arguments, where that is not its path */
  readonly argv0?: string
  /** what ends it, where a signal to its process group is not enough */
  readonly stop?: readonly string[]
  /** the signal that it ends upon at once; default SIGTERM */
  readonly signal?: NodeJS.Signals
}

/** A running program in a process group of its own. */
export interface Running {
  /** what it wrote so far */
  readonly output: () => string
  readonly stdin: NodeJS.WritableStream | null
  /** null while it runs */
  readonly exited: () => string | null
  /** ends it and everything it has started; safe to call twice */
  readonly stop: () => Promise<void>
}

const graceMs = 5_000

/** Starts a program; it ends with this process, however this one ends. */
export function startProcess(command: Command): Running {
  const { program, args, env, cwd, account, argv0, stop, signal = 'SIGTERM' } = command
  const child = spawn(program, args, {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    ...(account === undefined ? {} : { uid: account, gid: account }),
    ...(argv0 === undefined ? {} : { argv0 })
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000)))
  }
  child.stdin.on('error', () => {})
  let end: string | null = null
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      end = error.message
      resolve()
    })
    child.on('exit', (code, signal) => {
      end ??= signal ?? `exit code ${code}`
      resolve()
    })
  })
  const { pid } = child
  const first = stop ? `${stop.map(quoted).join(' ')}; ` : ''
  const takeBack = pid === undefined ? () => {} : atDeath('first', first + endGroup(pid, signal))
  return {
    output: () => output,
    stdin: child.stdin,
    exited: () => end,
    async stop() {
      if (stop && end === null) spawnSync(stop[0] ?? '', stop.slice(1), { stdio: 'ignore', timeout: graceMs })
      signalGroup(child, signal)
      await Promise.race([ended, pause(graceMs, undefined, { ref: false })])
      signalGroup(child, 'SIGKILL')
      await ended
      takeBack()
    }
  }
}

/** For a shell: the signal, a second to clean up (PostgreSQL frees its shared memory), then the end. */
function endGroup(pid: number, signal: string): string {
  const wait = `for n in 1 2 3 4 5 6 7 8 9 10; do kill -0 -- -${pid} || break; sleep 0.1; done`
  return `kill -s ${signal.slice(3)} -- -${pid}; ${wait}; kill -KILL -- -${pid}`
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // nobody is left in the group
  }
}

/** Resolves once something accepts connections; rejects when the program ends first, or after 20 s. */
export async function accepting(host: string, port: number, running: Running): Promise<void> {
  for (const end = performance.now() + 20_000; !(await canConnect(host, port));) {
    const exited = running.exited()
    if (exited !== null) throw new Error(`it ended with ${exited}:\n${running.output()}`)
    if (performance.now() > end) throw new Error(`port ${port} does not open:\n${running.output()}`)
    await pause(15)
  }
}

function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const done = (yes: boolean) => {
      socket.destroy()
      resolve(yes)
    }
    socket.on('connect', () => done(true))
    socket.on('error', () => done(false))
  })
}

/** Runs a program to its end; rejects with what it wrote when it fails. */
export async function run(program: string, args: readonly string[], cwd?: string): Promise<void> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd })
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  }
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  if (code !== 0) throw new Error(`${program} ended with ${String(code)}:\n${output}`)
}

/** A folder below the system's for temporary ones, readable by the users that services run as. */
export interface TemporaryFolder {
  readonly path: string
  readonly remove: () => void
}

/** Makes it; it is removed with this process at the latest. */
export function temporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), 'peers-'))
  chmodSync(path, 0o755)
  const takeBack = atDeath('last', `rm -rf -- ${quoted(path)}`)
  return {
    path,
    remove() {
      rmSync(path, { recursive: true, force: true, maxRetries: 5 })
      takeBack()
    }
  }
}

/** How a test is skipped when a program that it needs is missing: with that message, but never under CI, where it fails. */
export function skipFor(missing: string | undefined): string | false {
  return missing !== undefined && process.env['CI'] !== 'true' ? missing : false
}

/** Is the program there? By absolute path, or by name on PATH and in the folders for administrators. */
export function isInstalled(program: string): boolean {
  if (isAbsolute(program)) return existsSync(program)
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.some((folder) => existsSync(join(folder, program)))
}
