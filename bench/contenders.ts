import { fileURLToPath } from 'node:url'
import { formatAddress, parseAddress } from '../core/address.ts'
import type { Bench } from './context.ts'
import type { Contender, Sample } from './measure.ts'
import { measured, parseUsage } from './native.ts'
import type { Job, JobResult } from './ours.ts'
import { output, pinned, processors, type Command, type Place } from './process.ts'

const oursFile = fileURLToPath(new URL('./ours.ts', import.meta.url))
const runLimitMs = 180_000
/** connections at once in the comparisons of TLS, the same for all */
const concurrency = 1_000

/** What a job must say; the rest has defaults for a comparison. */
export type JobWishes = Pick<Job, 'first' | 'last' | 'ports'> & Partial<Job>

function jobOf(wishes: JobWishes): Job {
  return { dialer: 'auto', workers: 0, concurrency, repeats: 1, seconds: null, store: null, ...wishes }
}

function commandOf(wishes: JobWishes): Command {
  return [process.execPath, oursFile, JSON.stringify(jobOf(wishes))]
}

/** Runs one scan of ours in a process of its own. */
export async function runJob(
  wishes: JobWishes,
  { signal, pin, timeoutMs }: { signal: AbortSignal; pin?: boolean; timeoutMs?: number }
): Promise<JobResult> {
  const command = commandOf(wishes)
  const limit = { timeoutMs: timeoutMs ?? runLimitMs, signal }
  const text = await output(pin ? pinned('client', command) : command, limit)
  return JSON.parse(text) as JobResult
}

/** So many loopback addresses, `127.1.0.0` and on. */
export function spread(count: number): Pick<Job, 'first' | 'last'> {
  const first = '127.1.0.0'
  return { first, last: formatAddress(Number(parseAddress(first)) + count - 1) }
}

/** Our scan of canned servers; its time and processor time are the scan's, without the start of Node. */
export function ourScan(bench: Bench, name: string, wishes: Partial<Job> & Pick<Job, 'ports'>): Contender {
  const n = bench.scale.endpoints
  return {
    name,
    async run() {
      // threads of its own need more than one processor
      const pin = (wishes.workers ?? 0) === 0
      const result = await runJob({ ...spread(n), ...wishes }, { signal: bench.signal, pin })
      return sampleOf(n, result)
    }
  }
}

/** Our scan of a silent space, from the start of its process to its end, as other programs are measured. */
export function ourSweep(
  bench: Bench,
  name: string,
  { wishes, inside }: { wishes: JobWishes; inside: Place }
): Contender {
  return {
    name,
    async run() {
      const { stdout, usage } = await measured(inside(pinned('client', commandOf(wishes))), {
        usage: bench.native?.usage,
        folder: bench.folder,
        timeoutMs: runLimitMs,
        signal: bench.signal
      })
      const { outcomes } = JSON.parse(stdout) as JobResult
      return { n: pairsOf(wishes), ok: outcomes.certificate ?? 0, ...usage }
    }
  }
}

function pairsOf({ first, last, ports }: Pick<Job, 'first' | 'last' | 'ports'>): number {
  return (Number(parseAddress(last)) - Number(parseAddress(first)) + 1) * ports.length
}

function sampleOf(n: number, { outcomes, seconds, userUs, sysUs, peakKb }: JobResult): Sample {
  return { n, ok: outcomes.certificate ?? 0, seconds, cpuUs: userUs + sysUs, peakKb }
}

/** The C client: the bound. `bytes` 0: it reads to the end of the Certificate message. */
export function boundClient(
  bench: Bench,
  client: string,
  to: { helloFile: string; port: number; bytes: number }
): Contender {
  const n = bench.scale.endpoints
  const args = [to.helloFile, spread(n).first, n, to.port, concurrency, to.bytes].map(String)
  return {
    name: 'C client (the bound)',
    async run() {
      const text = await output(pinned('client', [client, ...args]), {
        timeoutMs: runLimitMs,
        signal: bench.signal
      })
      const { n: asked, ok } = JSON.parse(text) as { n: number; ok: number }
      return { n: asked, ok, ...parseUsage(text) }
    }
  }
}

/** How the sides share the machine, for the notes of a table. */
export function sidesNote(): string {
  return processors().length > 1
    ? 'The client is kept on one processor, the server on another.'
    : 'Client and server share one processor.'
}
