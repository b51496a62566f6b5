import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Compile } from 'typebox/compile'
import { records } from '../../appliance/records.ts'

const launcher = fileURLToPath(new URL('../../bin/tlsward.js', import.meta.url))

/** What came of a run of the CLI. */
export interface Ran {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** How the CLI is run. */
export interface RunOptions {
  /** bytes for standard input; without them it is empty */
  readonly input?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** called with each piece of output while it runs */
  readonly watch?: (process: RunningCli) => void
}

/** A CLI that is running. */
export interface RunningCli {
  readonly process: ChildProcess
  readonly output: { stdout: string; stderr: string }
}

/** A CLI that was started, and how it will have ended. */
export interface Started {
  readonly process: ChildProcess
  readonly ended: Promise<Ran>
}

/** A state directory of its own and the CLI on it. */
export interface Bench {
  readonly state: string
  /** what the CLI finds in its environment */
  readonly env: Readonly<Record<string, string | undefined>>
  /** starts `bin/tlsward.js` as a process of its own */
  start(words: readonly string[], options?: RunOptions): Started
  /** the same, to its end */
  run(words: readonly string[], options?: RunOptions): Promise<Ran>
  /** removes the directory */
  remove(): void
}

/** Makes a bench; what is not said otherwise is as on a machine where Tlsward was never run. */
export function createBench(): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'tlsward-cli-'))
  const state = join(directory, 'state')
  const ownEnv = {
    PATH: process.env['PATH'],
    HOME: directory,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    TLSWARD_STATE: state,
    TLSWARD_CONFIG: join(directory, 'config')
  }
  const start: Bench['start'] = (words, options = {}) =>
    startCli(words, { ...options, env: { ...ownEnv, ...options.env } })
  return {
    state,
    env: ownEnv,
    start,
    run: (words, options) => start(words, options).ended,
    remove: () => rmSync(directory, { recursive: true, force: true })
  }
}

function startCli(words: readonly string[], { input = '', env = {}, watch }: RunOptions): Started {
  const child = spawn(process.execPath, [launcher, ...words], { env, stdio: ['pipe', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  const running = { process: child, output }
  const gather = (name: 'stdout' | 'stderr') => (chunk: Buffer) => {
    output[name] += chunk.toString()
    watch?.(running)
  }
  child.stdout.on('data', gather('stdout'))
  child.stderr.on('data', gather('stderr'))
  // a command that reads no input may be gone before it is written
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const ended = new Promise<Ran>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, ...output }))
  })
  return { process: child, ended }
}

/** The objects of newline-delimited JSON. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

const checks = new Map(records.map((schema) => [schema.properties.type.const as string, Compile(schema)]))

/** What is wrong with lines of JSON output by their documented schemas. */
export function schemaErrors(lines: readonly Record<string, unknown>[]): string[] {
  return lines.flatMap((line) => {
    const check = checks.get(String(line['type']))
    if (!check) return [`no schema for ${String(line['type'])}`]
    return [...check.Errors(line)].map(
      (error) => `${String(line['type'])}${error.instancePath}: ${error.message}`
    )
  })
}
