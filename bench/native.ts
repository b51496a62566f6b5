import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { find, output, run, type Command, type RunOptions } from './process.ts'
import type { Sample } from './measure.ts'

/** Our small C programs, compiled for this run. */
export interface NativePrograms {
  readonly client: string
  readonly responder: string
  readonly usage: string
}

/** Compiles the C programs into `folder`, or says by undefined that there is no compiler. */
export async function compile(folder: string, signal: AbortSignal): Promise<NativePrograms | undefined> {
  const compiler = find('cc') ?? find('gcc') ?? find('clang')
  if (compiler === undefined) return undefined
  const build = async (name: string) => {
    const source = fileURLToPath(new URL(`./native/${name}.c`, import.meta.url))
    const program = join(folder, name)
    await output([compiler, '-O2', '-o', program, source], { timeoutMs: 60_000, signal })
    return program
  }
  const [client, responder, usage] = await Promise.all([build('client'), build('responder'), build('usage')])
  return { client, responder, usage }
}

/** What a command used, and what it printed. */
export interface Used {
  readonly stdout: string
  readonly usage: Omit<Sample, 'n' | 'ok'>
}

/**
 * Runs a command to its end with its processor time and peak memory; without the small C program that reads
 * them, with its wall time only. Rejects when it does not end with 0.
 */
export async function measured(
  command: Command,
  { usage, folder, ...options }: RunOptions & { readonly usage: string | undefined; readonly folder: string }
): Promise<Used> {
  const result = join(folder, 'usage.json')
  const { code, stdout, stderr, seconds } = await run(usage ? [usage, result, ...command] : command, options)
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${stderr.trim().slice(-400)}`)
  if (!usage) return { stdout, usage: { seconds, cpuUs: null, peakKb: null } }
  return { stdout, usage: parseUsage(readFileSync(result, 'utf8')) }
}

/** The resources in the JSON that our programs print. */
export function parseUsage(json: string): Omit<Sample, 'n' | 'ok'> {
  const { seconds, userUs, sysUs, peakKb } = JSON.parse(json) as Record<string, number>
  return { seconds: seconds ?? Number.NaN, cpuUs: (userUs ?? 0) + (sysUs ?? 0), peakKb: peakKb ?? null }
}
