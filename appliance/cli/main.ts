import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { systemClock } from '../../core/clock.ts'
import type { Fault } from '../../core/fault.ts'
import { silentLog } from '../../core/log.ts'
import { places, processSurroundings, type Places } from '../places.ts'
import type { Reached } from '../running/reach.ts'
import { checkNames, expandDashes, nearestCommand } from './arguments.ts'
import { exitCodeOf, failureText, faultOf } from './failure.ts'
import { createProgram } from './program.ts'
import type { Screen } from './screen.ts'
import type { GlobalOptions, Session } from './session.ts'
import { listenToSignals, type Ending } from './signals.ts'

/** The version in package.json, beside the sources and beside dist/. */
function readVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as {
        name: string
        version: string
      }
      if (name === 'tlsward') return version
    } catch {
      // not here: the other place
    }
  }
  return 'unknown'
}

/** The functions of the appliance that runs on this state, or of this process where none does. */
async function openFunctions(where: Places, { ca = [] }: GlobalOptions, screen: Screen): Promise<Reached> {
  const [{ openFunctionsHere }, { showProgress }, { askPassphrase }] = await Promise.all([
    import('../running/reach.ts'),
    import('./progress.ts'),
    import('./ask-secret.ts')
  ])
  const show = showProgress(screen, systemClock)
  return openFunctionsHere({
    where,
    authorities: ca,
    tell: (progress) => (progress ? show(progress) : screen.status('')),
    log: silentLog,
    clock: systemClock,
    askPassphrase,
    credentialsDirectory: process.env['CREDENTIALS_DIRECTORY'],
    command: nearestCommand(program, words)
  })
}

/** Runs a command in a session of its own, and closes what it opened. */
async function run(command: Command, act: (session: Session) => Promise<number | void>): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions>()
  if (!options.color) process.env['NO_COLOR'] = '1'
  const where = places(options, processSurroundings())
  const { openScreen } = await import('./screen.ts')
  const screen = openScreen({ file: options.output, quiet: options.quiet === true })
  let functions: Promise<Reached> | undefined
  let ending: Ending | undefined
  const session: Session = {
    screen,
    clock: systemClock,
    places: where,
    functions: () => (functions ??= openFunctions(where, options, screen)),
    ending: (said, stop = 'cut-short') =>
      (ending = listenToSignals({ clock: systemClock, stop, said, leave: (code) => process.exit(code) }))
  }
  try {
    process.exitCode = (await act(session)) ?? 0
    screen.finish()
  } finally {
    screen.status('')
    screen.close()
    // when opening failed, the command has thrown that already
    const opened = await functions?.catch(() => undefined)
    await opened?.close()
    process.exitCode = ending?.exitCode() ?? process.exitCode
  }
}

// the screen of a command ends its work when results reach nobody; what is said beside them may go unheard
let outputError: NodeJS.ErrnoException | undefined
process.stdout.on('error', (error) => (outputError ??= error))
process.stderr.on('error', () => {})

/** The fault of standard output that could not be written. A reader that has seen enough (| head) is none. */
async function lostOutput(): Promise<Fault | undefined> {
  await new Promise((resolve) => process.stdout.write('', resolve))
  if (outputError === undefined || outputError.code === 'EPIPE') return undefined
  const { unwritable } = await import('./results-file.ts')
  return unwritable('Standard output', outputError)
}

const program = createProgram(run, readVersion())
const words = expandDashes(program, process.argv.slice(2))

/** Runs the command line; gives the fault in which it ended. */
async function runToEnd(): Promise<Fault | undefined> {
  try {
    checkNames(program, words)
    await program.parseAsync(words, { from: 'user' })
  } catch (thrown) {
    const fault = faultOf(thrown)
    if (fault) return fault
  }
  return lostOutput()
}

const fault = await runToEnd()
if (fault) {
  process.stderr.write(`${failureText(fault, nearestCommand(program, words))}\n`)
  process.exitCode = exitCodeOf(fault)
}
