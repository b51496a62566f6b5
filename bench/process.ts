import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A program and its arguments. */
export type Command = readonly string[]

/** The same command, run in another place: on one processor, in a network namespace. */
export type Place = (command: Command) => Command

/** A program that ended. */
export interface Ended {
  /** exit code; null when a signal ended it */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** wall seconds from its start to its end */
  readonly seconds: number
}

/** How a program is run. */
export interface RunOptions {
  /** it is ended after this time, milliseconds */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** standard input; none when left out */
  readonly input?: string
}

/** Runs a program to its end; rejects when it cannot start, runs too long, or the signal aborts. */
export function run(command: Command, options: RunOptions): Promise<Ended> {
  const [program = '', ...args] = command
  const { promise, resolve, reject } = Promise.withResolvers<Ended>()
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)])
  const start = performance.now()
  // a group of its own, so that what a shell or `usage` started ends with it
  const child = spawn(program, args, { detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
  const cut = () => endGroup(child.pid)
  signal.addEventListener('abort', cut, { once: true })
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  child.stdin.on('error', () => {}) // a program need not read what it is given
  child.stdin.end(options.input ?? '')
  child.on('error', (error) => reject(new Error(`${program}: ${error.message}`)))
  child.on('close', (code) => {
    const seconds = (performance.now() - start) / 1000
    signal.removeEventListener('abort', cut)
    if (signal.aborted) reject(new Error(`${command.join(' ')} was ended after ${seconds.toFixed(1)} s`))
    else resolve({ code, stdout: stdout(), stderr: stderr(), seconds })
  })
  return promise
}

function endGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGKILL')
  } catch {
    // it has just ended by itself
  }
}

/** Like {@link run}; rejects as well when the program did not end with 0. Gives what it printed. */
export async function output(command: Command, options: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(command, options)
  if (code === 0) return stdout
  throw new Error(`${command.join(' ')} ended with ${code}: ${stderr.trim().slice(-400)}`)
}

/** A program that stays until it is stopped; it ends by itself when its standard input does. */
export interface Resident {
  readonly pid: number
  /** the first line that it printed */
  readonly firstLine: string
  /** closes its standard input and waits for the end; gives what it printed in all */
  stop(): Promise<string>
}

/** Starts a program that says in one line that it is ready; rejects when it ends before. */
export async function startResident(command: Command): Promise<Resident> {
  const [program = '', ...args] = command
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  child.stdin.on('error', () => {}) // it may have ended before it is stopped
  const ended = endOf(child)
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', () => stdout().includes('\n') && resolve())
    void ended.then(() => reject(new Error(`${program} did not start: ${stderr().trim()}`)))
  })
  return {
    pid: child.pid ?? 0,
    firstLine: stdout().split('\n', 1)[0] ?? '',
    async stop() {
      child.stdin.end()
      await ended
      return stdout()
    }
  }
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('close', () => resolve())
    child.once('error', () => resolve())
  })
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString()
}

/** The path of an installed program, or undefined. */
export function find(program: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.map((folder) => join(folder, program)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Processors that this process may run on, as `taskset` counts them. */
export function processors(): readonly number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, at) => first + at)
  })
}

/** The command, kept on one processor: the client's or the server's. Where there is only one, as it is. */
export function pinned(side: 'client' | 'server', command: Command): Command {
  const [client, server] = processors()
  if (server === undefined || !find('taskset')) return command
  return ['taskset', '--cpu-list', String(side === 'client' ? client : server), ...command]
}
