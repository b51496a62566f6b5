import { readFileSync } from 'node:fs'
import { childrenOf } from './hosts/files.ts'

/** What command lines and environments have held since the watch began. */
export interface ProcessWatch {
  /** everything that was seen, each thing once */
  seen(): { readonly commandLines: string; readonly environments: string }
  /** processes that were looked at */
  count(): number
  stop(): void
}

const everyMs = 15

/** Looks again and again at every process that this one has started, and at those that they have started. */
export function watchProcesses(): ProcessWatch {
  const texts = { cmdline: new Set<string>(), environ: new Set<string>() }
  const pids = new Set<number>()
  const look = (pid: number): void => {
    pids.add(pid)
    for (const what of ['cmdline', 'environ'] as const) {
      try {
        texts[what].add(readFileSync(`/proc/${pid}/${what}`, 'utf8'))
      } catch {
        // it has ended
      }
    }
    for (const child of childrenOf(pid)) look(child)
  }
  const timer = setInterval(() => childrenOf(process.pid).forEach(look), everyMs)
  return {
    seen: () => ({
      commandLines: [...texts.cmdline].join('\n'),
      environments: [...texts.environ].join('\n')
    }),
    count: () => pids.size,
    stop: () => clearInterval(timer)
  }
}
