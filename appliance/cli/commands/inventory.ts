import { Command, Option } from 'commander'
import type { InventoryQuery } from '../../functions.ts'
import type { Endpoint, Severity, Summary } from '../../records.ts'
import { span, wholeNumber } from '../options.ts'
import { linePrinter, printTable, withOutput } from '../output.ts'
import type { Screen } from '../screen.ts'
import type { OutputOptions, Run, Session } from '../session.ts'
import { endpointView, findingLines } from '../views/endpoints.ts'
import { counted, figure } from '../words.ts'
import { importCommand, ownerCommand, tagCommand } from './labels.ts'

/** Options of `inventory` as commander gives them. */
interface InventoryOptions extends OutputOptions {
  readonly expiring?: number
  readonly finding?: string
  readonly severity?: Severity
  readonly issuer?: string
  readonly key?: string
  readonly search?: string
  readonly network?: string
  readonly port?: number
  readonly tag?: string
  readonly owner?: string
  readonly gone?: boolean
  readonly certificate?: string
  readonly sort: InventoryQuery['sort']
  readonly limit: number
  readonly after?: string
  readonly details?: boolean
}

const examples = `
Examples:
  tlsward inventory                                  what expires first, first
  tlsward inventory --expiring 30d --details         with reasons and remedies
  tlsward inventory --finding weak-key --csv         a list for a colleague
  tlsward inventory --network 10.1.0.0/16 --search shop
  tlsward inventory tag 10.1.2.3:443 --add shop      then: tlsward inventory --tag shop`

/** `tlsward inventory` */
export function inventoryCommand(run: Run): Command {
  const inventory = new Command('inventory')
    .summary('list what is known, and what is wrong with it')
    .description('Lists endpoints with their certificates and findings. Filters hold together.')
    .addHelpText('after', examples)
  const list = inventory
    .command('list', { isDefault: true })
    .summary('list endpoints')
    .description('Lists endpoints with their certificates and findings. Filters hold together.')
  filterOptions(list)
  withOutput(list)
    .option('--details', 'reason and remedy of each finding')
    .action((_options: object, command: Command) =>
      run(command, (session) => listEndpoints(session, command.optsWithGlobals<InventoryOptions>()))
    )
  for (const make of [tagCommand, ownerCommand, importCommand]) inventory.addCommand(make(run))
  return inventory
}

function filterOptions(command: Command): void {
  const port = wholeNumber('--port', 1, 65_535)
  const limit = wholeNumber('--limit', 1, 1_000_000)
  command
    .optionsGroup('Filters:')
    .addOption(new Option('--expiring <SPAN>', 'expires within, e.g. 30d').argParser(span('--expiring', 'd')))
    .option('--finding <CODE>', 'with this finding (docs/findings.md)')
    .addOption(
      new Option('--severity <SEVERITY>', 'with such a finding').choices(['critical', 'warning', 'note'])
    )
    .option('--issuer <TEXT>', "part of the issuer's name")
    .option('--key <TYPE>', 'RSA, ECDSA, Ed25519 …')
    .option('--search <TEXT>', 'part of a name, or an address')
    .option('--certificate <SHA256>', 'serves this certificate')
    .option('--network <CIDR>', 'in this network or range')
    .addOption(new Option('--port <PORT>', 'on this port').argParser(port))
    .option('--tag <TAG>', 'with this tag')
    .option('--owner <NAME>', 'of this owner')
    .option('--gone', 'no longer there')
    .optionsGroup('Page:')
    .addOption(
      new Option('--sort <ORDER>', 'order')
        .choices(['expiry', 'address', 'name', 'last-seen'])
        .default('expiry')
    )
    .addOption(new Option('--limit <N>', 'rows of a page').argParser(limit).default(50))
    .option('--after <CURSOR>', 'the page after this one, as the page before said')
}

async function listEndpoints(session: Session, options: InventoryOptions): Promise<void> {
  const { screen, clock } = session
  const functions = await session.functions()
  const { endpoints, summary } = await functions.inventory(queryOf(options))
  const view = endpointView(screen, clock.now())
  const print = linePrinter(screen, options, view)
  if (print) {
    endpoints.forEach(print)
    if (options.json) screen.result(JSON.stringify(summary))
    else if (summary.next !== null) screen.note(nextPage(summary))
    return
  }
  screen.result(headline(screen, summary))
  if (endpoints.length > 0) {
    screen.result('')
    const below = options.details
      ? (endpoint: Endpoint) => findingLines(screen, endpoint.findings)
      : undefined
    printTable(screen, view, endpoints, below)
  }
  if (summary.next !== null) screen.note(nextPage(summary))
}

/** The one line that answers: how much of this needs somebody. */
export function headline(screen: Screen, { endpoints, attention, certificates, findings }: Summary): string {
  if (endpoints === 0) return 'No endpoint matches. Without filters: begin with tlsward scan.'
  const worst = findings.critical > 0 ? 'bad' : 'warn'
  const answer =
    attention === 0
      ? screen.paint('good', `None of ${counted(endpoints, 'endpoint')} needs attention`)
      : screen.paint(worst, `${figure(attention)} of ${counted(endpoints, 'endpoint')} need attention`)
  const { critical, warning, note } = findings
  const parts = [`${figure(critical)} critical`, `${figure(warning)} warning`, `${figure(note)} note`]
  return `${answer} · ${counted(certificates, 'certificate')} · ${parts.join(', ')}`
}

function nextPage({ next }: Summary): string {
  return `More: repeat with --after ${next}`
}

function queryOf(options: InventoryOptions): InventoryQuery {
  const { expiring, gone, sort, limit } = options
  const { finding, severity, issuer, key, search, certificate, network, port, tag, owner, after } = options
  const filters = { finding, severity, issuer, key, search, certificate, network, port, tag, owner, after }
  const given = Object.entries(filters).filter(([, value]) => value !== undefined)
  return {
    ...Object.fromEntries(given),
    ...(expiring === undefined ? {} : { expiringMs: expiring }),
    ...(gone === true ? { gone } : {}),
    sort,
    limit
  }
}
