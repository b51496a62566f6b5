import { jsonLine } from '../../../core/text.ts'
import type { Look } from '../../functions.ts'
import type { Endpoint, Scan, Severity } from '../../records.ts'
import type { ScanOptions } from '../commands/scan-options.ts'
import { linePrinter, printTable } from '../output.ts'
import type { Session } from '../session.ts'
import { endpointView } from '../views/endpoints.ts'
import { lookLines } from '../views/looks.ts'
import { outcomeLines, scanLine } from '../views/scans.ts'
import { counted } from '../words.ts'

/** Rows that are kept for the table at the end; more are in the inventory. */
const tableRows = 1_000

/** What becomes of what a scan finds. */
export interface Results {
  readonly add: (endpoint: Endpoint) => void
  readonly look: (look: Look) => void
  /** all is done: prints what is left to print */
  finish(scans: readonly Scan[]): void
  /** did a finding come that --fail-on names? */
  failed(): boolean
}

/** Prints what is found as it is found (JSON, CSV), or keeps it for a table at the end. */
export function gatherResults({ screen, clock }: Session, options: ScanOptions): Results {
  const view = endpointView(screen, clock.now())
  const print = linePrinter(screen, options, view)
  const endpoints: Endpoint[] = []
  const looks: Look[] = []
  let found = 0
  let failed = false
  return {
    add(endpoint) {
      found++
      failed ||= endpoint.findings.some(({ severity }) => reaches(severity, options.failOn))
      if (print) print(endpoint)
      else if (endpoints.length < tableRows) endpoints.push(endpoint)
    },
    look(look) {
      failed ||=
        look.type === 'deep' && look.weaknesses.some(({ severity }) => reaches(severity, options.failOn))
      failed ||= look.type === 'revocation' && look.outcome === 'revoked' && options.failOn !== undefined
      if (options.json) screen.result(jsonLine(look))
      else if (looks.length < tableRows) looks.push(look)
    },
    finish(scans) {
      if (options.json) for (const scan of scans) screen.result(jsonLine(scan))
      if (!print && endpoints.length > 0) {
        printTable(screen, view, endpoints.toSorted(byExpiry))
        if (found > endpoints.length) screen.result(moreLine(found - endpoints.length))
        screen.result('')
      }
      if (!print && looks.length > 0) {
        for (const line of looks.toSorted(byPlace).flatMap((look) => lookLines(screen, look)))
          screen.result(line)
        screen.result('')
      }
      for (const scan of scans) {
        screen.note(scanLine(scan))
        if (scan.endpoints === 0) for (const line of outcomeLines(scan)) screen.note(line)
      }
      const cost = costLine(looks)
      if (cost !== undefined) screen.note(cost)
    },
    failed: () => failed
  }
}

function moreLine(more: number): string {
  return `… and ${counted(more, 'more endpoint')}: tlsward inventory`
}

/** What deeper looks took, so that the next one can be weighed. */
function costLine(looks: readonly Look[]): string | undefined {
  const deep = looks.filter((look) => look.type === 'deep')
  if (deep.length === 0) return undefined
  const connections = deep.reduce((sum, { cost }) => sum + cost.connections, 0)
  const each = Math.round(connections / deep.length)
  return `Deeper looks: ${counted(deep.length, 'endpoint')}, ${counted(connections, 'connection')}, ${each} each.`
}

function reaches(severity: Severity, limit: ScanOptions['failOn']): boolean {
  return limit !== undefined && (severity === 'critical' || severity === limit)
}

function byExpiry(a: Endpoint, b: Endpoint): number {
  const end = ({ certificates }: Endpoint) => certificates.map((leaf) => leaf.notAfter).toSorted()[0] ?? '9'
  return end(a).localeCompare(end(b))
}

function byPlace(a: Look, b: Look): number {
  const place = (look: Look) =>
    look.type === 'revocation' ? `~${look.label}` : `${look.address} ${look.port}`
  return a.type.localeCompare(b.type) || place(a).localeCompare(place(b), 'en', { numeric: true })
}
