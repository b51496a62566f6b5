import { jsonLine } from '../../../core/text.ts'
import { given } from '../given.ts'
import type { InventoryQuery } from '../../functions.ts'
import type { Endpoint, Severity, Summary } from '../../records.ts'
import { linePrinter, printEach, printTable } from '../output.ts'
import type { Screen } from '../screen.ts'
import type { OutputOptions, Session } from '../session.ts'
import { detailedView, endpointView, findingLines } from '../views/endpoints.ts'
import { counted, figure } from '../words.ts'

/** Options of `inventory` as commander gives them. */
export interface InventoryOptions extends OutputOptions {
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
  readonly limit?: number
  readonly after?: string
  readonly details?: boolean
}

/** Rows of a table, where nobody says otherwise: what one looks through. */
const tableRows = 50

/** Prints what is known: a table of what comes first, or all of it for programs. */
export async function listEndpoints(session: Session, options: InventoryOptions): Promise<void> {
  const { screen, clock } = session
  const functions = await session.functions()
  const view = options.details ? detailedView(screen, clock.now()) : endpointView(screen, clock.now())
  const print = linePrinter(screen, options, view)
  if (print) return printRecords(session, options, print)
  const { limit = tableRows } = options
  const { endpoints, summary } = await functions.inventory({ ...queryOf(options), limit })
  screen.result(headline(screen, summary))
  if (endpoints.length > 0) {
    screen.result('')
    const below = options.details
      ? (endpoint: Endpoint) => findingLines(screen, endpoint.findings)
      : undefined
    printTable(screen, view, endpoints, below)
  }
  if (summary.next === null) return
  screen.result('')
  screen.result(
    `… ${counted(endpoints.length, 'row')} of ${figure(summary.endpoints)}. Repeat with --limit ${summary.endpoints} for all, or with --after ${summary.next} for those that follow.`
  )
}

/** Prints records for programs: all of them, or the page that --limit asks for. */
async function printRecords(
  { screen, functions }: Session,
  options: InventoryOptions,
  print: (endpoint: Endpoint) => void
): Promise<void> {
  const { limit } = options
  const query = queryOf(options)
  const served = await functions()
  const page = await served.inventory({ ...query, limit: limit ?? 1 })
  const rows = limit === undefined ? served.endpoints(query) : page.endpoints
  await printEach(screen, rows, print)
  if (screen.closed.aborted) return
  if (options.json)
    screen.result(jsonLine(limit === undefined ? { ...page.summary, next: null } : page.summary))
  else if (limit !== undefined && page.summary.next !== null)
    screen.note(`More: repeat with --after ${page.summary.next}`)
}

/** The one line that answers: how much of this needs somebody. */
export function headline(screen: Screen, { endpoints, attention, critical }: Summary): string {
  if (endpoints === 0) return 'No endpoint matches. Without filters: begin with tlsward scan.'
  if (attention === 0)
    return screen.paint('good', `None of ${counted(endpoints, 'endpoint')} needs attention`)
  const needs = `${figure(attention)} of ${counted(endpoints, 'endpoint')} ${attention === 1 ? 'needs' : 'need'} attention`
  return screen.paint(
    critical > 0 ? 'bad' : 'warn',
    critical > 0 ? `${needs}, ${figure(critical)} critical` : needs
  )
}

function queryOf(options: InventoryOptions): Omit<InventoryQuery, 'limit'> {
  const { finding, severity, issuer, key, search, certificate, network, port, tag, owner, after } = options
  const { expiring: expiringMs, gone, sort } = options
  const filters = { finding, severity, issuer, key, search, certificate, network, port, tag, owner }
  return { ...given({ ...filters, expiringMs, gone, after }), sort }
}
