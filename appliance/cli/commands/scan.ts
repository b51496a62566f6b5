import { Command, Option } from 'commander'
import { Fault } from '../../../core/fault.ts'
import type { PaceRequest, ProbeRequest, ScanRequest, ScanWatch, Scope } from '../../functions.ts'
import type { Endpoint, Scan, Severity } from '../../records.ts'
import { ask } from '../ask.ts'
import { readFound } from '../found.ts'
import { commaList, readText, repeated, span, wholeNumber } from '../options.ts'
import { linePrinter, printTable, withOutput } from '../output.ts'
import { scopeText, showProgress } from '../progress.ts'
import type { OutputOptions, Run, Session } from '../session.ts'
import { endpointView } from '../views/endpoints.ts'
import { scanLine } from '../views/scans.ts'
import { counted, figure } from '../words.ts'

const examples = `
Examples:
  tlsward scan 10.0.0.0/16                              the default ports of a network
  tlsward scan www.example.com 10.1.2.3:8443            a name with all its addresses, and one endpoint
  tlsward scan -l hosts.txt -p web,8000-8100 --json     a list, as JSON lines
  nmap -oX - -p 443 10.0.0.0/24 | tlsward scan --from nmap -
  tlsward scan 10.0.0.0/8 --rate 500 --window 'Mon-Fri 22:00-06:00 Europe/Berlin' --yes
  tlsward scan --resume 12                              go on where scan 12 stopped`

/** Options of `scan` as commander gives them. */
interface ScanOptions extends OutputOptions {
  readonly host?: readonly string[]
  readonly list?: readonly string[]
  readonly ports?: readonly string[]
  readonly from?: string
  readonly names?: string
  readonly sni?: readonly string[]
  readonly ptr?: boolean
  readonly exclude?: readonly string[]
  readonly excludeFile?: readonly string[]
  readonly doNotScan?: readonly string[]
  readonly maxTargets: number
  readonly yes?: boolean
  readonly starttls?: ProbeRequest['starttls']
  readonly twin: boolean
  readonly timeout?: number
  readonly retries?: number
  readonly rate?: number
  readonly hostRate?: number
  readonly concurrency?: number
  readonly perHost?: number
  readonly perSubnet?: number
  readonly window?: string
  readonly workers: number
  readonly resume?: number
  readonly owner?: string
  readonly tag?: readonly string[]
  readonly failOn?: Exclude<Severity, 'note'>
}

/** `tlsward scan` */
export function scanCommand(run: Run): Command {
  const command = new Command('scan')
    .summary('find TLS endpoints and keep what they show')
    .description('Probes addresses and ports for TLS and records every endpoint and certificate found.')
    .argument('[targets...]', 'addresses, networks, ranges a-b, host names, host:port')
    .addHelpText('after', examples)
  targetOptions(command)
  probeOptions(command)
  paceOptions(command)
  keepOptions(command)
  return withOutput(command).action((targets: string[], options: ScanOptions, command: Command) =>
    run(command, (session) => scan(session, targets, command.optsWithGlobals<ScanOptions>()))
  )
}

const starttls = [
  ...['auto', 'none', 'smtp', 'imap', 'pop3', 'ftp', 'ldap', 'postgres', 'mysql', 'xmpp', 'xmpp-server'],
  ...['rdp', 'tds']
]

function targetOptions(command: Command): void {
  command
    .optionsGroup('Targets:')
    .addOption(new Option('-u, --host <TARGET>', 'a target, as the arguments are').argParser(commaList))
    .addOption(new Option('-l, --list <FILE>', 'targets from a file, one per line; - for standard input').argParser(repeated))
    .addOption(new Option('-p, --ports <PORTS>', '443, 8000-8100, or a set: default, web, mail, all').argParser(commaList))
    .addOption(new Option('--from <TOOL>', "take targets from another tool's output in the list or arguments").choices(['nmap', 'masscan', 'tlsx', 'zgrab2', 'csv']))
    .option('--names <FILE>', 'server names to ask for at every address, one per line')
    .addOption(new Option('--sni <NAME>', 'a server name to ask for at every address').argParser(commaList))
    .option('--ptr', 'ask DNS for the name of each address and send it')
    .addOption(new Option('--exclude <TARGET>', 'leave these out').argParser(commaList))
    .addOption(new Option('--exclude-file <FILE>', 'leave out what a file lists').argParser(repeated))
    .addOption(new Option('--do-not-scan <FILE>', 'never touch what this file lists, beside the list that is always read').argParser(repeated))
    .addOption(new Option('--max-targets <N>', 'most pairs of address and port without asking').argParser(wholeNumber('--max-targets', 1, 1e15)).default(1_000_000))
    .option('-y, --yes', 'scan however many there are')
}

function probeOptions(command: Command): void {
  command
    .optionsGroup('Probe:')
    .addOption(new Option('--starttls <PROTOCOL>', 'how ports begin that begin in the clear').choices(starttls).default('auto'))
    .option('--no-twin', 'do not ask for the certificate of the other key type')
    .addOption(new Option('--timeout <SPAN>', 'longest wait for an answer').argParser(span('--timeout', 's')))
    .addOption(new Option('--retries <N>', 'repeats where nothing came back').argParser(wholeNumber('--retries', 0, 10)))
}

function paceOptions(command: Command): void {
  command
    .optionsGroup('Pace:')
    .addOption(new Option('--rate <N>', 'connections per second in total').argParser(wholeNumber('--rate', 1, 1e6)))
    .addOption(new Option('--host-rate <N>', 'connections per second to one address').argParser(wholeNumber('--host-rate', 1, 1e6)))
    .addOption(new Option('-c, --concurrency <N>', 'connections at once in total').argParser(wholeNumber('--concurrency', 1, 1e6)))
    .addOption(new Option('--per-host <N>', 'connections at once to one address').argParser(wholeNumber('--per-host', 1, 1e4)))
    .addOption(new Option('--per-subnet <N>', 'connections at once to one /24 or /64').argParser(wholeNumber('--per-subnet', 1, 1e6)))
    .option('--window <HOURS>', "scan in these hours only: 'Mon-Fri 22:00-06:00 Europe/Berlin'")
    .addOption(new Option('--workers <N>', 'threads that probe; 0 for none beside the main one').argParser(wholeNumber('--workers', 0, 64)).default(0))
}

function keepOptions(command: Command): void {
  command
    .optionsGroup('Inventory:')
    .addOption(new Option('--resume <ID>', 'go on with a scan that stopped').argParser(wholeNumber('--resume', 1, 1e15)))
    .option('--owner <NAME>', 'who answers for the endpoints found')
    .addOption(new Option('--tag <TAG>', 'tag the endpoints found').argParser(commaList))
    .addOption(new Option('--fail-on <SEVERITY>', 'end with exit code 1 on such a finding').choices(['critical', 'warning']))
}

async function scan(session: Session, targets: readonly string[], options: ScanOptions): Promise<number> {
  const { screen, clock } = session
  const request = options.resume === undefined ? await scanRequest(targets, options) : undefined
  const functions = await session.functions()
  const ending = session.ending(() => screen.note('Stopping. Press Ctrl-C again to leave at once.'))
  const results = gatherResults(session, options)
  const progress = showProgress(screen, clock)
  const watch: ScanWatch = {
    scope: (scope) => mayStart(session, scope, options.yes === true),
    progress,
    endpoint: results.add
  }
  const signal = AbortSignal.any([ending.signal, screen.closed])
  const done = request
    ? await functions.scan(request, watch, signal)
    : await functions.resume(options.resume ?? 0, watch, signal)
  screen.status('')
  results.finish(done)
  if (done.state === 'stopped') screen.note(`Go on with: tlsward scan --resume ${done.id}`)
  return results.failed() ? 1 : 0
}
