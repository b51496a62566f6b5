import { jsonLine } from '../../../core/text.ts'
import { given } from '../given.ts'
import type { InventoryQuery } from '../../functions.ts'
import type { Endpoint, Severity, Summary } from '../../records.ts'
import { linePrinter, printTable } from '../output.ts'
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
  readonly limit: number
  readonly after?: string
  readonly details?: boolean
}

/** Prints a page of the inventory. */
export async function listEndpoints(session: Session, options: InventoryOptions): Promise<void> {
  const { screen, clock } = session
  const functions = await session.functions()
  const { endpoints, summary } = await functions.inventory(queryOf(options))
  const view = options.details ? detailedView(screen, clock.now()) : endpointView(screen, clock.now())
  const print = linePrinter(screen, options, view)
  if (print) {
    endpoints.forEach(print)
    if (options.json) screen.result(jsonLine(summary))
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

function nextPage({ next }: Summary): string {
  return `More: repeat with --after ${next}`
}

function queryOf(options: InventoryOptions): InventoryQuery {
  const { finding, severity, issuer, key, search, certificate, network, port, tag, owner, after } = options
  const { expiring: expiringMs, gone, sort, limit } = options
  const filters = { finding, severity, issuer, key, search, certificate, network, port, tag, owner }
  return { ...given({ ...filters, expiringMs, gone, after }), sort, limit }
}
