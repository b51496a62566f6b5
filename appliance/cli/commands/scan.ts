import { Command } from 'commander'
import type { Functions, ScanWatch } from '../../functions.ts'
import type { Scan } from '../../records.ts'
import { withOutput } from '../output.ts'
import { showProgress } from '../progress.ts'
import { confirmed } from '../scan/consent.ts'
import { scanOptions, type ScanOptions } from '../scan/options.ts'
import { scanRequest } from '../scan/request.ts'
import { gatherResults } from '../scan/results.ts'
import type { Run, Session } from '../session.ts'

const examples = `
Examples:
  tlsward scan 10.0.0.0/16                              the default ports of a network
  tlsward scan www.example.com 10.1.2.3:8443            a name with all its addresses, and one endpoint
  tlsward scan -l hosts.txt -p web,8000-8100 --json     a list, as JSON lines
  nmap -oX - -p 443 10.0.0.0/24 | tlsward scan --from nmap -l -
  tlsward scan 10.0.0.0/8 --rate 500 --window 'Mon-Fri 22:00-06:00 Europe/Berlin' --yes
  tlsward scan --resume 12                              go on where scan 12 stopped`

/** `tlsward scan` */
export function scanCommand(run: Run): Command {
  const command = new Command('scan')
    .summary('find TLS endpoints and keep what they show')
    .description('Probes addresses and ports for TLS and records every endpoint and certificate found.')
    .argument('[targets...]', 'addresses, networks, ranges a-b, host names, host:port')
    .addHelpText('after', examples)
  scanOptions(command)
  return withOutput(command).action((targets: string[], _options: object, command: Command) =>
    run(command, (session) => scan(session, targets, command.optsWithGlobals<ScanOptions>()))
  )
}

async function scan(session: Session, targets: readonly string[], options: ScanOptions): Promise<number> {
  const { resume } = options
  if (resume !== undefined) {
    return follow(session, options, (functions, watch, signal) => functions.resume(resume, watch, signal))
  }
  const request = await scanRequest(targets, options)
  return follow(session, options, (functions, watch, signal) => functions.scan(request, watch, signal))
}

type Start = (functions: Functions, watch: ScanWatch, signal: AbortSignal) => Promise<Scan>

/** Runs a scan to its end under the eyes of the person; gives the exit code. */
export async function follow(session: Session, options: ScanOptions, start: Start): Promise<number> {
  const { screen, clock } = session
  const functions = await session.functions()
  const ending = session.ending(() => screen.note('Stopping. Press Ctrl-C again to leave at once.'))
  const results = gatherResults(session, options)
  const watch: ScanWatch = {
    scope: (scope) => confirmed(screen, scope, options.yes === true),
    progress: showProgress(screen, clock),
    endpoint: results.add
  }
  const done = await start(functions, watch, AbortSignal.any([ending.signal, screen.closed]))
  screen.status('')
  results.finish(done)
  if (done.state === 'stopped') screen.note(`Go on with: tlsward scan --resume ${done.id}`)
  return results.failed() ? 1 : 0
}
