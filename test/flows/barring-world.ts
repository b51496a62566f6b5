// Runs in a network of its own (unshare --net --mount), where MariaDB sees us come from an address that it counts:
// it never bars 127.0.0.1. Prints one line of JSON.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { sweepOptions } from '../../sensor/scan/defaults.ts'
import type { Observation } from '../../sensor/scan/observation.ts'
import { runScan } from '../../sensor/scan/run.ts'
import { createCertificate } from '../peers/certificates.ts'
import { run, temporaryFolder } from '../peers/process.ts'
import { startService } from '../peers/services.ts'

const host = '10.9.9.9'
const folder = temporaryFolder()
const hosts = join(folder.path, 'hosts')
writeFileSync(hosts, `127.0.0.1 localhost\n${host} scanner.test\n`)
await run('ip', ['link', 'set', 'lo', 'up'])
await run('ip', ['address', 'add', `${host}/32`, 'dev', 'lo'])
// a name that does not resolve is not counted either
await run('mount', ['--bind', hosts, '/etc/hosts'])

const certificate = createCertificate({ names: ['db.test'], key: 'rsa2048' })
const service = await startService('mariadb', { certificate, host, dir: folder.path })
const port = service.ports[0]?.port ?? 0
// without any account for the host it is turned away before anything is counted
await run('mariadb', [
  '--no-defaults',
  '-uroot',
  `--socket=${join(folder.path, 'mariadb', 'sock')}`,
  "--execute=CREATE USER app@'%' IDENTIFIED BY 'secret'"
])

/** how a scan of the server ends */
async function scanned(): Promise<string> {
  const seen: Observation[] = []
  const plan = {
    space: { ranges4: [], ranges6: [], ports: [], pairs: [[host, port, null]] as const },
    seed: 1,
    workers: 0,
    dialer: 'auto',
    options: sweepOptions({ starttls: 'mysql', repeats: 0 })
  } as const
  const record = (batch: { readonly observations: readonly Observation[] }) =>
    void seen.push(...batch.observations)
  await runScan(plan, { clock: systemClock, random: systemRandom, record }, new AbortController().signal)
  const [one] = seen
  const leaf = one?.chains[0]?.leaf === certificate.fingerprint ? 'ours' : one?.chains[0]?.leaf
  return `${one?.outcome} ${leaf ?? one?.banner}`
}

/** what the server says first to somebody who then goes without a word */
async function cut(): Promise<string> {
  const socket = connect(port, host)
  const [greeting] = (await once(socket, 'data')) as [Buffer]
  socket.resetAndDestroy()
  return greeting[4] === 0xff ? 'barred' : 'greeted'
}

async function counted(times: number, act: () => Promise<string>): Promise<Record<string, number>> {
  const ends: Record<string, number> = {}
  for (let time = 0; time < times; time++) {
    const end = await act()
    ends[end] = (ends[end] ?? 0) + 1
  }
  return ends
}

try {
  const scans = await counted(200, scanned)
  const cuts = await counted(120, cut)
  process.stdout.write(`${JSON.stringify({ scans, cuts })}\n`)
} finally {
  await service.stop()
  await run('umount', ['/etc/hosts'])
  folder.remove()
}
