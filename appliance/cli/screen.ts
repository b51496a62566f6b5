import { closeSync, openSync, writeFileSync } from 'node:fs'
import { styleText } from 'node:util'
import { Fault } from '../../core/fault.ts'
import { reason } from './files.ts'

/** Styles by meaning: green proven good, yellow will go wrong, red is wrong, dim nothing to say. */
export type Tone = 'good' | 'warn' | 'bad' | 'dim' | 'strong' | 'running'

const styles = {
  good: 'green',
  warn: 'yellow',
  bad: 'red',
  dim: 'dim',
  strong: 'bold',
  running: 'blue'
} as const satisfies Record<Tone, Parameters<typeof styleText>[0]>

/** Where a command writes: results on standard output (or a file), words for the person on standard error. */
export interface Screen {
  /** one line of results */
  result(line: string): void
  /** one line for the person */
  note(line: string): void
  /** shows a passing line at the foot of the terminal, in place of the one before; '' takes it away */
  status(line: string): void
  /** text in a tone, for results; plain where they do not go to a terminal */
  paint(tone: Tone, text: string): string
  /** the same for words on standard error */
  paintNote(tone: Tone, text: string): string
  /** columns that a table of results may take; Infinity where nobody's terminal limits it */
  readonly width: number
  /** are the words for the person read on a terminal? */
  readonly watched: boolean
  /** aborts when nobody reads the results any more (a closed pipe) */
  readonly closed: AbortSignal
  /** finishes the results file */
  close(): void
}

/** The screen of this process. `file`: results go there instead of standard output. */
export function openScreen({
  file,
  quiet
}: {
  readonly file?: string | undefined
  readonly quiet: boolean
}): Screen {
  const closed = new AbortController()
  const { stdout, stderr } = process
  const results = file === undefined ? undefined : openResults(file)
  let status = ''

  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') closed.abort()
  })
  const clear = () => status && stderr.write('\r\u001b[K')
  const show = () => status && stderr.write(status)
  // a passing line must not be left in the middle of what is written over it
  const above = (write: () => void) => {
    clear()
    write()
    show()
  }

  return {
    result: (line) =>
      results ? results.write(`${line}\n`) : above(() => closed.signal.aborted || stdout.write(`${line}\n`)),
    note: (line) => quiet || above(() => stderr.write(`${line}\n`)),
    status(line) {
      if (quiet || !stderr.isTTY) return
      clear()
      status = line
      show()
    },
    paint: (tone, text) => (results ? text : styleText(styles[tone], text, { stream: stdout })),
    paintNote: (tone, text) => styleText(styles[tone], text, { stream: stderr }),
    width: !results && stdout.isTTY ? Math.max(stdout.columns, 40) : Infinity,
    watched: stderr.isTTY && !quiet,
    closed: closed.signal,
    close: () => results?.close()
  }
}

function openResults(file: string): { write(text: string): void; close(): void } {
  const attempt = <T>(act: () => T): T => {
    try {
      return act()
    } catch (error) {
      throw new Fault(
        'file-unwritable',
        `--output ${file} cannot be written (${reason(error)}). Name a file that this account may write.`,
        { file },
        error
      )
    }
  }
  const handle = attempt(() => openSync(file, 'w'))
  return {
    write: (text) => attempt(() => writeFileSync(handle, text)),
    close: () => closeSync(handle)
  }
}
