import { createLog, type LogLevel } from '../../logging.ts'
import { runCommand } from '../../running/reach.ts'
import { runAppliance } from '../../running/run.ts'
import { askPassphrase } from '../ask-secret.ts'
import type { GlobalOptions, Session } from '../session.ts'

/** Options of `tlsward run`. */
export interface RunOptions extends GlobalOptions {
  readonly logLevel: LogLevel
}

/** Runs the appliance until a signal ends it. */
export async function runInForeground(session: Session, { ca = [], logLevel }: RunOptions): Promise<number> {
  const { screen, clock, places } = session
  const log = createLog({ stream: process.stderr, clock, level: logLevel })
  const ending = session.ending(() => log.info('appliance-stopping'), 'as-meant')
  await runAppliance(
    {
      where: places,
      authorities: ca,
      tell() {},
      log,
      clock,
      askPassphrase,
      credentialsDirectory: process.env['CREDENTIALS_DIRECTORY'],
      command: runCommand,
      ready: () => screen.note(`Running on ${places.state}. End with Ctrl-C.`)
    },
    ending.signal
  )
  // ended in order, as it was asked to: nothing went wrong
  return 0
}
