import { styleText } from 'node:util'
import { openResultsFile } from './results-file.ts'
import { cut } from './table.ts'

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
  /** aborts when results reach nobody any more (a closed pipe, a full disk) */
  readonly closed: AbortSignal
  /** resolves when the results so far are written: whoever prints very many waits for it now and then */
  written(): Promise<void>
  /** all results are there: a file of results takes its place. Throws `file-unwritable` */
  finish(): void
  /** ends what passes; a file of results that was not finished goes away */
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
  const results = file === undefined ? undefined : openResultsFile(file)
  // a terminal that knows no escapes has no line that stays in place
  const watched = stderr.isTTY && !quiet && process.env['TERM'] !== 'dumb'
  let status = ''

  stdout.on('error', () => closed.abort())
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
      if (!watched) return
      clear()
      // a line that wraps could not be taken away again
      status = styleText(styles.running, cut(line, (stderr.columns || 80) - 1), { stream: stderr })
      if (line === '') status = ''
      show()
    },
    paint: (tone, text) => (results ? text : styleText(styles[tone], text, { stream: stdout })),
    paintNote: (tone, text) => styleText(styles[tone], text, { stream: stderr }),
    width: !results && stdout.isTTY ? Math.max(stdout.columns || 80, 40) : Infinity,
    watched,
    closed: closed.signal,
    written: () => new Promise((resolve) => stdout.write('', () => resolve())),
    finish: () => results?.keep(),
    close: () => results?.discard()
  }
}
