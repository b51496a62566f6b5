import { Fault } from '../../core/fault.ts'
import { never } from './signals.ts'

/**
 * Asks for a secret on the terminal, without showing what is typed; empty: there is none. Undefined without a
 * terminal. Ctrl-C, and the signal, throw option-malformed: nothing was done.
 */
export async function askSecret(question: string, signal = never): Promise<string | undefined> {
  const { stdin, stderr } = process
  if (!stdin.isTTY || !stderr.isTTY) return undefined
  // whoever types as soon as the question is there must not see it either
  stdin.setRawMode(true)
  stderr.write(`${question}: `)
  stdin.setEncoding('utf8')
  try {
    return await typed(stdin, signal)
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}

function typed(stdin: NodeJS.ReadStream, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const done = (end: () => void) => {
      stdin.off('data', hear)
      signal.removeEventListener('abort', stop)
      end()
    }
    const stop = () =>
      done(() => reject(new Fault('option-malformed', 'Stopped at the question; nothing was done.')))
    const hear = (data: string) => {
      for (const key of data) {
        if (key === '\r' || key === '\n' || key === '\u0004') return done(() => resolve(text))
        if (key === '\u0003') return stop()
        if (key === '\u007f' || key === '\b') text = Array.from(text).slice(0, -1).join('')
        else if (key >= ' ') text += key
      }
    }
    stdin.on('data', hear)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    stdin.resume()
  })
}

/** Asks for the passphrase of the vault; null without a terminal. */
export async function askPassphrase(): Promise<string | null> {
  return (await askSecret('Passphrase of the vault')) ?? null
}
