import { Fault } from '../../../core/fault.ts'
import type { Functions, ScanWatch } from '../../functions.ts'
import type { Scan } from '../../records.ts'
import type { ScanOptions } from '../commands/scan-options.ts'
import { malformed } from '../options.ts'
import { showProgress } from '../progress.ts'
import { confirmed } from '../scan/consent.ts'
import { scanRequest } from '../scan/request.ts'
import { gatherResults } from '../scan/results.ts'
import type { Session } from '../session.ts'

/** Makes a scan, or goes on with one. */
export async function scan(
  session: Session,
  targets: readonly string[],
  options: ScanOptions
): Promise<number> {
  const { resume } = options
  if (resume !== undefined) {
    if (targets.length > 0)
      throw malformed('--resume', String(resume), 'leave the targets out, or the option')
    return follow(session, options, (functions, watch, signal) => functions.resume(resume, watch, signal))
  }
  const request = await scanRequest(targets, options, (note) => session.screen.note(note))
  return follow(session, options, (functions, watch, signal) => functions.scan(request, watch, signal))
}

type Start = (functions: Functions, watch: ScanWatch, signal: AbortSignal) => Promise<readonly Scan[]>

/** Runs a scan to its end under the eyes of the person; gives the exit code. */
export async function follow(session: Session, options: ScanOptions, start: Start): Promise<number> {
  const { screen, clock } = session
  const functions = await session.functions()
  const ending = session.ending(() => screen.note('Stopping. Press Ctrl-C again to leave at once.'))
  const results = gatherResults(session, options)
  const watch: ScanWatch = {
    scope: (scope) => confirmed(screen, scope, { yes: options.yes === true, ending }),
    progress: showProgress(screen, clock),
    endpoint: results.add,
    look: results.look
  }
  const done = await toItsEnd(start(functions, watch, AbortSignal.any([ending.signal, screen.closed])))
  screen.status('')
  results.finish(done)
  const stopped = done.find((scan) => scan.state === 'stopped')
  if (stopped) screen.note(`Go on with: tlsward scan --resume ${stopped.id}`)
  return results.failed() ? 1 : 0
}

/** `tlsward run` may end while it scans: what it found is kept. */
async function toItsEnd<T>(scanning: Promise<T>): Promise<T> {
  try {
    return await scanning
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.code !== 'socket-lost') throw thrown
    const message =
      'tlsward run ended, and the scan that it made stopped with it. What was found is kept: ' +
      'tlsward scans list has its number, tlsward scan --resume NUMBER goes on with it'
    throw new Fault('socket-lost', message, {}, thrown)
  }
}
