import { Option, type Command } from 'commander'
import { politePace } from '../../../sensor/scan/defaults.ts'
import type { HandoverFormat } from '../../../sensor/scan/handover/detect.ts'
import { startTlsProtocols } from '../../../sensor/scan/observation.ts'
import type { ProbeRequest } from '../../functions.ts'
import type { Severity } from '../../records.ts'
import { commaList, joined, repeated, span, wholeNumber } from '../options.ts'
import type { OutputOptions } from '../session.ts'

/** Options of pace as commander gives them. */
export interface PaceOptions {
  readonly rate?: number
  readonly hostRate?: number
  readonly subnetRate?: number
  readonly concurrency?: number
  readonly perHost?: number
  readonly perSubnet?: number
  readonly window?: string
}

/** Options of `scan` as commander gives them. */
export interface ScanOptions extends OutputOptions, PaceOptions {
  readonly host?: readonly string[]
  readonly list?: readonly string[]
  readonly ports?: string
  readonly port?: string
  readonly from?: HandoverFormat | 'auto'
  readonly names?: string
  readonly sni?: readonly string[]
  readonly ptr?: boolean
  readonly certificateNames?: boolean
  readonly maxNames: number
  readonly exclude?: readonly string[]
  readonly excludeFile?: readonly string[]
  readonly doNotScan?: readonly string[]
  readonly maxTargets: number
  readonly yes?: boolean
  readonly starttls?: ProbeRequest['starttls']
  readonly twin: boolean
  readonly timeout?: number
  readonly retries?: number
  readonly deep?: boolean
  readonly ssh?: boolean
  readonly revocation?: boolean
  readonly workers: number
  readonly resume?: number
  readonly owner?: string
  readonly tag?: readonly string[]
  readonly failOn?: Exclude<Severity, 'note'>
}

/** Adds everything that a scan can be told. */
export function scanOptions(command: Command): void {
  targetOptions(command)
  probeOptions(command)
  lookOptions(command)
  paceOptions(command)
  keepOptions(command)
}

const starttls = ['auto', 'none', ...startTlsProtocols]

function targetOptions(command: Command): void {
  const list = (flags: string, description: string) => new Option(flags, description).argParser(commaList)
  const files = (flags: string, description: string) => new Option(flags, description).argParser(repeated)
  const tools = [
    'nmap',
    'masscan',
    'masscan-list',
    'tlsx',
    'zgrab2',
    'tlsward',
    'csv',
    'auto'
  ] satisfies ScanOptions['from'][]
  command
    .optionsGroup('Targets:')
    .addOption(list('-u, --host <TARGET>', 'a target, as the arguments are'))
    .addOption(files('-l, --list <FILE>', 'targets from a file; - for standard input'))
  portOptions(command)
  command
    .addOption(
      new Option('--from <TOOL>', 'arguments and lists are files that another tool wrote').choices(tools)
    )
    .addOption(list('--sni <NAME>', 'a server name to ask for wherever TLS answers'))
    .option(
      '--names <FILE>',
      'server names to ask for, as in a hosts file; a line of names alone: everywhere'
    )
    .option('--ptr', 'ask for the names that DNS has for the addresses (PTR)')
    .option('--certificate-names', 'ask for the names of the certificates found there')
    .addOption(numberOption('--max-names <N>', 'most names for one address', [1, 1000]).default(20))
    .addOption(list('--exclude <TARGET>', 'leave these out'))
    .addOption(files('--exclude-file <FILE>', 'leave out what a file lists'))
    .addOption(
      files('--do-not-scan <FILE>', 'never touch what a file lists, beside the list that is always read')
    )
  sizeOptions(command)
}

/** Adds what says which ports, under both names that people know. */
export function portOptions(command: Command): void {
  const help = '443, 8000-8100, or a set: default, web, mail, all'
  command
    .addOption(new Option('-p, --ports <PORTS>', help).argParser(joined))
    .addOption(new Option('--port <PORTS>', help).argParser(joined).hideHelp())
}

/** Adds what confirms the size. */
export function sizeOptions(command: Command): void {
  const most = numberOption('--max-targets <N>', 'most pairs of address and port without asking', [1, 1e15])
  command.addOption(most.default(2_000_000)).option('-y, --yes', 'however many there are')
}

function lookOptions(command: Command): void {
  command
    .optionsGroup('Closer looks, once the scan is done:')
    .option('--deep', 'versions, suites and weaknesses of each endpoint: some 30 to 160 connections each')
    .option('--ssh', 'host keys of SSH servers on the ports scanned, and on port 22 without --ports')
    .option('--revocation', 'ask by OCSP and CRL, where settings.json in --config allows it')
}

function numberOption(flags: string, description: string, [least, most]: readonly [number, number]): Option {
  const option = new Option(flags, description)
  return option.argParser(wholeNumber(option.long ?? flags, least, most))
}

function probeOptions(command: Command): void {
  command
    .optionsGroup('Probe:')
    .addOption(
      new Option('--starttls <PROTOCOL>', 'how ports begin that begin in the clear')
        .choices(starttls)
        .default('auto')
    )
    .option('--no-twin', 'do not ask for the certificate of the other key type')
    .addOption(
      new Option('--timeout <SPAN>', 'longest wait for an answer (5s)').argParser(span('--timeout', 's'))
    )
    .addOption(numberOption('--retries <N>', 'repeats where nothing came back (1)', [0, 10]))
    .addOption(numberOption('--workers <N>', 'threads that probe; 0: the main one', [0, 64]).default(1))
}

/** Adds the limits of pace. */
export function paceOptions(command: Command): void {
  command.optionsGroup('Pace:')
  const { rate, hostRate, subnetRate, concurrency, hostConcurrency, subnetConcurrency } = politePace
  const limits: readonly (readonly [flags: string, description: string, most: number])[] = [
    ['--rate <N>', `connections per second in total (${rate})`, 1e6],
    ['--host-rate <N>', `connections per second to one address (${hostRate})`, 1e6],
    ['--subnet-rate <N>', `connections per second to one /24 or /64 (${subnetRate})`, 1e6],
    ['-c, --concurrency <N>', `connections at once in total (${concurrency})`, 1e6],
    ['--per-host <N>', `connections at once to one address (${hostConcurrency})`, 1e4],
    ['--per-subnet <N>', `connections at once to one /24 or /64 (${subnetConcurrency})`, 1e6]
  ]
  for (const [flags, description, most] of limits)
    command.addOption(numberOption(flags, description, [1, most]))
  command.option('--window <HOURS>', "scan in these hours only: 'Mon-Fri 22:00-06:00 Europe/Berlin'")
}

function keepOptions(command: Command): void {
  // a scan goes on as it began: what is said beside it would be heard by nobody, a list to be spared above all
  const begun = command.options.map((option) => option.attributeName()).filter((name) => name !== 'yes')
  const resume = numberOption('--resume <ID>', 'go on with a scan that stopped', [1, 1e15])
  command
    .optionsGroup('Inventory:')
    .addOption(resume.conflicts([...begun, 'owner', 'tag']))
    .option('--owner <NAME>', 'who answers for the endpoints found')
    .addOption(new Option('--tag <TAG>', 'tag the endpoints found').argParser(commaList))
    .addOption(
      new Option('--fail-on <SEVERITY>', 'end with exit code 1 on such a finding').choices([
        'critical',
        'warning'
      ])
    )
}
