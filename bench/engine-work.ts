import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench } from './context.ts'
import { output } from './process.ts'
import type { ReplaceJob, ReplaceResult } from './replace.ts'

/** certificates are replaced for that long at most */
export const replaceLimitMs = 3_600_000
/** devices that are worked on at a time, the same for all */
export const devicesAtOnce = 4

const program = fileURLToPath(new URL('./replace.ts', import.meta.url))

/** Has our engine replace certificates, in a process of its own. */
export async function replaceByEngine(
  { folder, signal, progress }: Bench,
  job: Omit<ReplaceJob, 'atOnce'>
): Promise<Pick<ReplaceResult, 'seconds' | 'peakKb'>> {
  const file = join(folder, 'replace.json')
  writeFileSync(file, JSON.stringify({ ...job, atOnce: devicesAtOnce } satisfies ReplaceJob))
  const text = await output([process.execPath, program, file], { timeoutMs: replaceLimitMs, signal })
  const { seconds, peakKb, why } = JSON.parse(text) as ReplaceResult
  for (const one of why) progress(one)
  return { seconds, peakKb }
}
