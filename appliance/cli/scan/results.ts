import type { Endpoint, Scan, Severity } from '../../records.ts'
import { linePrinter, printTable } from '../output.ts'
import type { Session } from '../session.ts'
import { endpointView } from '../views/endpoints.ts'
import { outcomeLines, scanLine } from '../views/scans.ts'
import { counted } from '../words.ts'
import type { ScanOptions } from '../commands/scan-options.ts'

/** Endpoints that are kept for the table at the end; more are in the inventory. */
const tableRows = 1_000

/** What becomes of the endpoints that a scan finds. */
export interface Results {
  readonly add: (endpoint: Endpoint) => void
  /** all is done: prints what is left to print */
  finish(scans: readonly Scan[]): void
  /** did a finding come that --fail-on names? */
  failed(): boolean
}

/** Prints endpoints as they are found (JSON, CSV), or keeps them for a table at the end. */
export function gatherResults({ screen, clock }: Session, options: ScanOptions): Results {
  const view = endpointView(screen, clock.now())
  const print = linePrinter(screen, options, view)
  const kept: Endpoint[] = []
  let count = 0
  let failed = false
  return {
    add(endpoint) {
      count++
      failed ||= endpoint.findings.some(({ severity }) => reaches(severity, options.failOn))
      if (print) print(endpoint)
      else if (kept.length < tableRows) kept.push(endpoint)
    },
    finish(scans) {
      if (options.json) for (const scan of scans) screen.result(JSON.stringify(scan))
      if (!print && kept.length > 0) {
        printTable(screen, view, kept.toSorted(byExpiry))
        if (count > kept.length)
          screen.result(`… and ${counted(count - kept.length, 'more endpoint')}: tlsward inventory`)
        screen.result('')
      }
      for (const scan of scans) {
        screen.note(scanLine(scan))
        if (scan.endpoints === 0) for (const line of outcomeLines(scan)) screen.note(line)
      }
    },
    failed: () => failed
  }
}

function reaches(severity: Severity, limit: ScanOptions['failOn']): boolean {
  return limit !== undefined && (severity === 'critical' || severity === limit)
}

function byExpiry(a: Endpoint, b: Endpoint): number {
  const end = ({ certificates }: Endpoint) => certificates.map((leaf) => leaf.notAfter).toSorted()[0] ?? '9'
  return end(a).localeCompare(end(b))
}
