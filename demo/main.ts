// npm run demo: starts a small data centre of real TLS servers on this machine, scans it with the functions of the
// CLI, and prints what was found. Nothing leaves the machine, and nothing stays on it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { headline } from '../appliance/cli/actions/inventory.ts'
import { printTable } from '../appliance/cli/output.ts'
import { showProgress } from '../appliance/cli/progress.ts'
import { openScreen } from '../appliance/cli/screen.ts'
import { detailedView, findingLines } from '../appliance/cli/views/endpoints.ts'
import { scanLine } from '../appliance/cli/views/scans.ts'
import type { FoundPlace, Functions, ScanRequest } from '../appliance/functions.ts'
import { openStandalone } from '../appliance/standalone/open.ts'
import { authoritiesName } from '../appliance/trust-roots.ts'
import type { Peer } from '../test/peers/peer.ts'
import { createSite, type DemoServer } from './servers.ts'

const firstPort = 18_443
const host = '127.0.0.1'

interface Running extends DemoServer {
  readonly peer: Peer
}

async function startServers(servers: readonly DemoServer[]): Promise<Running[]> {
  const running: Running[] = []
  for (const [at, server] of servers.entries()) {
    // a port that is taken is no reason not to show anything: any other will do
    const peer = await server.start({ host, port: firstPort + at }).catch(() => server.start({ host }))
    running.push({ ...server, peer })
  }
  return running
}

/** The scan: every server without a name, and those with names once more for each. */
function requestFor(servers: readonly Running[]): ScanRequest {
  const place = (port: number, name: string | null): FoundPlace => ({
    address: host,
    port,
    name,
    owner: null,
    tags: []
  })
  const targets = servers.filter(({ names }) => names.length === 0).map(({ peer }) => `${host}:${peer.port}`)
  return {
    targets: [{ source: null, text: targets.join('\n') }],
    found: servers.flatMap(({ peer, names }) => names.map((name) => place(peer.port, name))),
    excluded: [],
    doNotScan: [],
    ports: null,
    names: [],
    ptr: false,
    certificateNames: false,
    maxNames: 20,
    pace: {},
    probe: {},
    looks: { deep: false, ssh: false, revocation: false },
    workers: 0,
    maxTargets: 1_000,
    owner: null,
    tags: []
  }
}

async function show(functions: Functions, servers: readonly Running[]): Promise<void> {
  const screen = openScreen({ quiet: false })
  const watch = { scope: () => true, progress: showProgress(screen, systemClock) }
  const scans = await functions.scan(requestFor(servers), watch, new AbortController().signal)
  screen.status('')
  for (const scan of scans) screen.result(screen.paint('dim', scanLine(scan)))

  const { endpoints, summary } = await functions.inventory({ sort: 'expiry', limit: 100 })
  const view = detailedView(screen, systemClock.now())
  screen.result('')
  screen.result(headline(screen, summary))
  screen.result('')
  printTable(screen, view, endpoints, ({ findings }) =>
    findingLines(
      screen,
      findings.filter(({ severity }) => severity !== 'note')
    )
  )
  screen.result('')
  screen.result(
    screen.paint(
      'dim',
      'The same for your network: npx tlsward scan 10.0.0.0/24, then npx tlsward inventory --details'
    )
  )
  const certificates = new Set(endpoints.flatMap((one) => one.certificates.map((leaf) => leaf.fingerprint)))
  const findings = endpoints.reduce((sum, one) => sum + one.findings.length, 0)
  const notes = endpoints.reduce(
    (sum, one) => sum + one.findings.filter(({ severity }) => severity === 'note').length,
    0
  )
  screen.result(`${findings - notes} findings above, ${notes} notes that are left out`)
  screen.result(
    `demo: ${endpoints.length} endpoints, ${certificates.size} certificates, ${findings} findings`
  )
}

const directory = mkdtempSync(join(tmpdir(), 'tlsward-demo-'))
try {
  const site = createSite(systemClock.now())
  const servers = await startServers(site.servers)
  console.log(`Started ${servers.length} TLS servers on ${host}, ports ${firstPort} and up. Scanning them.`)
  const where = { state: join(directory, 'state'), config: join(directory, 'config') }
  mkdirSync(where.config)
  writeFileSync(join(where.config, authoritiesName), site.root.pem)
  const functions = openStandalone(where, [])
  await show(functions, servers)
  await functions.close()
  await Promise.all(servers.map(({ peer }) => peer.close()))
} finally {
  rmSync(directory, { recursive: true, force: true })
}
