// npm run demo: starts a small data centre of real TLS servers on this machine, scans it with the functions of the
// CLI, replaces the certificates that are about to expire, and shows what came of it. Nothing leaves the machine, and
// nothing stays on it.
import { createServer } from 'node:net'
import { parseArgs } from 'node:util'
import { systemClock } from '../core/clock.ts'
import { headline } from '../appliance/cli/actions/inventory.ts'
import { printTable } from '../appliance/cli/output.ts'
import { openScreen, type Screen } from '../appliance/cli/screen.ts'
import { listenToSignals } from '../appliance/cli/signals.ts'
import { detailedView, findingLines } from '../appliance/cli/views/endpoints.ts'
import { counted } from '../appliance/cli/words.ts'
import { freePort } from '../test/peers/ports.ts'
import { temporaryFolder } from '../test/peers/process.ts'
import { differences } from './differences.ts'
import { scanned, type Found, type ScannedPort } from './inventory.ts'
import { startable, startManaged, type Managed } from './managed.ts'
import { replacedLines } from './replaced-view.ts'
import { replaceAll, type Replaced } from './replacement.ts'
import { openFunctions } from './functions.ts'
import { createSite, type DemoSite } from './servers.ts'

const host = '127.0.0.1'
const firstPort = 18_443

/** What is undone at the end, the last first. */
type Closers = (() => Promise<void> | void)[]

/** What the demo runs with. */
interface Demo {
  readonly screen: Screen
  readonly signal: AbortSignal
  readonly closers: Closers
}

/** Ports from the first one upwards; a port that is taken is no reason not to show anything: any other will do. */
function portsFrom(first: number): () => Promise<number> {
  let next = first
  return async () => {
    const port = next++
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer()
      server.on('error', () => resolve(false))
      server.listen({ host, port }, () => server.close(() => resolve(true)))
    })
    return isFree ? port : freePort(host)
  }
}

interface Started {
  readonly ports: readonly ScannedPort[]
  readonly managed: readonly Managed[]
}

async function startServers(site: DemoSite, folder: string, { screen, closers }: Demo): Promise<Started> {
  const nextPort = portsFrom(firstPort)
  const ports: ScannedPort[] = []
  for (const server of site.servers) {
    const peer = await server.start({ host, port: await nextPort() })
    closers.push(() => peer.close())
    ports.push({ port: peer.port, names: server.names })
  }
  const managed: Managed[] = []
  for (const server of startable(site.managed)) {
    screen.status(`Starting ${server.name}`)
    const running = await startManaged(server, { folder, host, freePort: nextPort })
    if (running instanceof Error) {
      screen.note(`${server.program} is left out, for it does not start here: ${running.message}`)
      continue
    }
    closers.push(() => running.close())
    managed.push(running)
    ports.push({ port: running.port, names: [] })
  }
  return { ports, managed }
}

/** Shows what the first scan found, with what is wrong about it. */
function showFound(screen: Screen, { endpoints, summary }: Found): void {
  const findings = endpoints.flatMap((one) => one.findings)
  const problems = findings.filter(({ severity }) => severity !== 'note')
  screen.result('')
  screen.result(headline(screen, summary))
  screen.result('')
  printTable(screen, detailedView(screen, systemClock.now()), endpoints, (one) =>
    findingLines(
      screen,
      one.findings.filter((finding) => problems.includes(finding))
    )
  )
  screen.result('')
  const notes = findings.length - problems.length
  screen.result(`${problems.length} findings above, ${notes} notes that are left out`)
  screen.result('')
}

/** Runs the demo; gives what came otherwise than it should have. */
async function run(demo: Demo): Promise<readonly string[]> {
  const { screen, signal, closers } = demo
  const folder = temporaryFolder()
  closers.push(() => folder.remove())
  const site = createSite(systemClock.now())
  const { ports, managed } = await startServers(site, folder.path, demo)
  screen.result(`Started ${ports.length} TLS servers on ${host}, ports ${firstPort} and up. Scanning them.`)
  screen.result(screen.paint('dim', simulated))
  const functions = openFunctions(site.root, folder.path)
  closers.push(() => functions.close())

  const found = await scanned(functions, { host, ports, screen, signal })
  if (signal.aborted) return []
  showFound(screen, found)

  const count = counted(managed.length, 'server')
  screen.result(`Replacing the certificates of ${count}, by a certificate authority that is made for it.`)
  const replaced = await replaceAll(managed, { functions, screen, signal })
  if (signal.aborted) return []
  screen.result('What handshakes showed before, and show now:')
  screen.result('')
  for (const line of replacedLines(screen, host, replaced)) screen.result(line)
  screen.result('')

  const confirmed = await scanned(functions, { host, ports, screen, signal })
  if (signal.aborted) return []
  screen.result('')
  screen.result(headline(screen, confirmed.summary))
  screen.result(screen.paint('dim', hint))
  screen.result(lastLine(found, replaced))
  return differences(replaced, confirmed.endpoints)
}

const simulated =
  'All are real servers but one: store.example is on a pair of BIG-IPs that is simulated, as we cannot bring you one.'

const hint =
  'The same for your network: npx tlsward scan 10.0.0.0/24, then npx tlsward inventory --details, then docs/automation.md'

function lastLine({ endpoints }: Found, replaced: readonly Replaced[]): string {
  const certificates = endpoints.flatMap((one) => one.certificates.map((leaf) => leaf.fingerprint))
  const findings = endpoints.reduce((sum, one) => sum + one.findings.length, 0)
  const states = replaced.flatMap(({ event }) => event.deployments.map(({ state }) => state))
  const live = states.filter((state) => state === 'live' || state === 'cleaned').length
  const returned = states.filter((state) => state === 'rolled-back').length
  return `demo: ${endpoints.length} endpoints, ${new Set(certificates).size} certificates, ${findings} findings, ${live} live, ${returned} returned`
}

/** The word that is wrong about the arguments; undefined when they are fine. */
function wrongArguments(): string | undefined {
  try {
    // it ends by itself in any case
    parseArgs({ options: { exit: { type: 'boolean' } }, strict: true })
    return undefined
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown)
  }
}

async function main(): Promise<number> {
  const wrong = wrongArguments()
  if (wrong !== undefined) {
    console.error(`demo: ${wrong}. The only option is --exit.`)
    return 2
  }
  const screen = openScreen({ quiet: false })
  const ending = listenToSignals({
    clock: systemClock,
    said: () => screen.note('Stopping, and taking everything away.'),
    leave: (code) => process.exit(code)
  })
  const closers: Closers = []
  try {
    const differing = await run({ screen, signal: ending.signal, closers })
    for (const text of differing) screen.note(`not as expected: ${text}`)
    return ending.exitCode() ?? (differing.length === 0 ? 0 : 1)
  } catch (thrown) {
    // what was under way when somebody stopped it ends with that
    const stopped = ending.exitCode()
    if (stopped === undefined) throw thrown
    return stopped
  } finally {
    screen.status('')
    for (const close of closers.toReversed()) await close()
    screen.close()
  }
}

process.exitCode = await main()
