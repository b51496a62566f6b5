import { createInterface } from 'node:readline/promises'

/** Asks a yes-or-no question on the terminal; anything but y or yes is no. Undefined without a terminal. */
export async function ask(question: string): Promise<boolean | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim())
  } catch (thrown) {
    // Ctrl-C and Ctrl-D at the question are a no
    if (thrown instanceof Error && thrown.name === 'AbortError') return false
    throw thrown
  } finally {
    lines.close()
  }
}
