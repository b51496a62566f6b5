import type { Endpoint, Summary } from '../appliance/records.ts'
import type { Functions, FoundPlace, ScanRequest } from '../appliance/functions.ts'
import { plainScan } from '../appliance/plain-scan.ts'
import { showProgress } from '../appliance/cli/progress.ts'
import type { Screen } from '../appliance/cli/screen.ts'
import { scanLine } from '../appliance/cli/views/scans.ts'
import { systemClock } from '../core/clock.ts'

/** A port to scan, and the server names that it is asked for; none: without a name. */
export interface ScannedPort {
  readonly port: number
  readonly names: readonly string[]
}

/** What is scanned, and who is told. */
export interface Scanning {
  readonly host: string
  readonly ports: readonly ScannedPort[]
  readonly screen: Screen
  readonly signal: AbortSignal
}

/** What is known after a scan. */
export interface Found {
  readonly endpoints: readonly Endpoint[]
  readonly summary: Summary
}

/** Scans the servers, says so in a line, and gives what is known of them then. */
export async function scanned(
  functions: Functions,
  { host, ports, screen, signal }: Scanning
): Promise<Found> {
  const watch = { scope: () => true, progress: showProgress(screen, systemClock) }
  const scans = await functions.scan(requestFor(host, ports), watch, signal)
  screen.status('')
  for (const scan of scans) screen.result(screen.paint('dim', scanLine(scan)))
  return functions.inventory({ sort: 'expiry', limit: 100 })
}

/** Every server without a name, and those with names once for each. */
function requestFor(host: string, ports: readonly ScannedPort[]): ScanRequest {
  const place = (port: number, name: string): FoundPlace => ({
    address: host,
    port,
    name,
    owner: null,
    tags: []
  })
  const targets = ports.filter(({ names }) => names.length === 0).map(({ port }) => `${host}:${port}`)
  return {
    ...plainScan,
    targets: [{ source: null, text: targets.join('\n') }],
    found: ports.flatMap(({ port, names }) => names.map((name) => place(port, name)))
  }
}
