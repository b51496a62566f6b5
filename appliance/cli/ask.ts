import { createInterface } from 'node:readline/promises'
import type { Ending } from './signals.ts'

/** Can a person be asked: keys to type on, and a screen to read on? */
export function hasTerminal(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}

/**
 * Asks a yes-or-no question on the terminal; anything but y or yes, and Ctrl-D, is no. Ctrl-C interrupts, which is
 * no as well, like any signal that ends the command. Undefined without a terminal.
 */
export async function ask(
  question: string,
  { signal, interrupt }: Pick<Ending, 'signal' | 'interrupt'>
): Promise<boolean | undefined> {
  if (!hasTerminal()) return undefined
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  lines.on('SIGINT', interrupt)
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal })).trim())
  } catch (thrown) {
    if (!(thrown instanceof Error) || thrown.name !== 'AbortError') throw thrown
    // the question stands on a line that nobody ended
    process.stderr.write('\n')
    return false
  } finally {
    lines.close()
  }
}
