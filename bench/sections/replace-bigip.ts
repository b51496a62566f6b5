import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import PQueue from 'p-queue'
import { f5BigIp } from '../../connectors/f5-bigip/index.ts'
import { createAuthority, createCertificate } from '../../test/peers/certificates.ts'
import { demoAccounts } from '../../test/simulators/f5-bigip/big-ip.ts'
import { type BigIps, startBigIps } from '../bigips.ts'
import type { BenchUnit, Calls } from '../bigip-unit.ts'
import type { Bench, Findings } from '../context.ts'
import { devicesAtOnce, replaceByEngine, replaceLimitMs } from '../engine-work.ts'
import { find, output } from '../process.ts'
import type { ReplaceJob } from '../replace.ts'
import { replacementCells, type Replacements } from '../replacements.ts'
import { type Goal, number, type Table } from '../table.ts'

/** sites of a device */
const each = 10
const { name: user, password } = demoAccounts[0] ?? { name: '', password: '' }

/** What one way to replace the certificates took. */
interface Work extends Replacements {
  readonly calls: Calls
}

interface Way {
  readonly name: string
  /** device calls for each target that are the goal; null: it is no way of ours */
  readonly goal: number | null
  readonly work: (bench: Bench, units: readonly BenchUnit[]) => Promise<Pick<Work, 'seconds' | 'peakKb'>>
}

/** Certificates of client-ssl profiles on many simulated BIG-IPs, ten on each. */
export async function replaceOnBigIps(bench: Bench): Promise<Findings> {
  const ways: Way[] = [
    { name: 'ours, a certificate for each target', goal: 12, work: byEngine('target') },
    { name: 'ours, a certificate for each device', goal: 12, work: byEngine('device') }
  ]
  if (find('curl')) ways.push({ name: 'a script with curl that proves nothing', goal: null, work: byScript })
  const works: Work[] = []
  const goals: Goal[] = []
  for (const way of ways) {
    const work = await onFreshUnits(bench, way)
    works.push(work)
    if (way.goal !== null) goals.push(goalOf(bench, { ...work, most: way.goal }))
  }
  return { tables: [tableOf(bench, works), callsOf(bench, works)], goals }
}

async function onFreshUnits(bench: Bench, { name, work }: Way): Promise<Work> {
  const count = bench.scale.hosts
  const bigIps: BigIps = await startBigIps({ count, each })
  let calls: Calls = {}
  try {
    bench.progress(`${count * each} targets on ${count} BIG-IPs: ${name}`)
    const done = await work(bench, bigIps.units)
    const replaced = await bigIps.replaced()
    calls = await bigIps.stop()
    return { name, ...done, replaced, calls }
  } finally {
    if (Object.keys(calls).length === 0) await bigIps.stop()
  }
}

function byEngine(events: ReplaceJob['events']): Way['work'] {
  return (bench, units) => {
    const file = join(bench.folder, 'bigip-password')
    writeFileSync(file, password, { mode: 0o600 })
    const devices = units.map(({ address, port, sites }, at) => ({
      name: `b${at + 1}`,
      connector: f5BigIp.id,
      settings: { address, port, user },
      targets: sites.map(({ profile }) => profile)
    }))
    return replaceByEngine(bench, { devices, secret: { name: 'password', file }, events })
  }
}

/** what scripts of the field do, and nothing more; it leaves the upload with the key where it is */
const script = `set -eu
api=$1 login=$2 profile=$3 files=$4 name=$5
call() { curl -sSfk -o "$files/answer" -u "$login" "$@"; }
json() { call -H 'content-type: application/json' "$@"; }
upload() {
  size=$(wc -c < "$files/$1")
  call -H 'content-type: application/octet-stream' -H "content-range: 0-$((size - 1))/$size" \\
    --data-binary "@$files/$1" "$api/shared/file-transfer/uploads/$name-$1"
}
create() {
  json -d "{\\"name\\":\\"$name-$1\\",\\"sourcePath\\":\\"file:/var/config/rest/downloads/$name-$1\\"}" "$api/tm/sys/file/$2"
}
upload new.key
create new.key ssl-key
upload new.crt
create new.crt ssl-cert
json -d '{}' "$api/tm/transaction"
id=$(sed 's/.*"transId":\\([0-9]*\\).*/\\1/' "$files/answer")
pair="{\\"name\\":\\"new\\",\\"cert\\":\\"/Common/$name-new.crt\\",\\"key\\":\\"/Common/$name-new.key\\",\\"chain\\":\\"/Common/former-ca.crt\\"}"
json -X PATCH -H "x-f5-rest-coordination-id: $id" -d "{\\"certKeyChain\\":[$pair]}" "$api/tm/ltm/profile/client-ssl/$profile"
json -X PATCH -d '{"state":"VALIDATING"}' "$api/tm/transaction/$id"
json -d '{"command":"save"}' "$api/tm/sys/config"
`

const byScript: Way['work'] = async ({ folder, signal }, units) => {
  const issuer = createAuthority('Bench Issuing', { issuer: createAuthority('Bench Root') })
  const program = join(folder, 'bigip.sh')
  writeFileSync(program, script)
  const filesOf = (name: string) => join(folder, 'bigip', name)
  for (const { name } of units.flatMap(({ sites }) => sites)) {
    const { pem, keyPem } = createCertificate({ names: [name], issuer })
    mkdirSync(filesOf(name), { recursive: true })
    writeFileSync(join(filesOf(name), 'new.crt'), pem)
    writeFileSync(join(filesOf(name), 'new.key'), keyPem, { mode: 0o600 })
  }
  const queue = new PQueue({ concurrency: devicesAtOnce })
  const start = performance.now()
  const jobs = units.map(({ address, port, sites }) =>
    queue.add(async () => {
      for (const { profile, name } of sites) {
        const api = `https://${address}:${port}/mgmt`
        const place = profile.replaceAll('/', '~')
        const args = [api, `${user}:${password}`, place, filesOf(name), name]
        await output(['sh', program, ...args], { timeoutMs: replaceLimitMs, signal })
      }
    })
  )
  await Promise.all(jobs)
  return { seconds: (performance.now() - start) / 1_000, peakKb: null }
}

const sumOf = (calls: Calls) => Object.values(calls).reduce((sum, times) => sum + times, 0)

function goalOf({ scale }: Bench, { name, calls, most }: Work & { readonly most: number }): Goal {
  const mean = sumOf(calls) / (scale.hosts * each)
  return {
    work: `BIG-IP: ${name}`,
    goal: `≤ ${most} device calls for each of ten targets, without clean-up`,
    measured: number(mean, 1),
    met: mean <= most
  }
}

function tableOf({ scale }: Bench, works: readonly Work[]): Table {
  const targets = scale.hosts * each
  return {
    title: `Certificates of ${targets} client-ssl profiles on ${scale.hosts} simulated BIG-IPs replaced over iControl REST`,
    cells: replacementCells(works, targets, { what: 'calls', of: ({ calls }) => sumOf(calls) }),
    notes: [
      `${devicesAtOnce} devices at a time, each a process of its own on the same processors, and saves in 5 ms, for which a device takes seconds. Clean-up, which comes a day later, is not in it.`,
      'Ours makes the keys, has its own CA issue, plans, proves each profile by handshakes with TLS 1.2 and 1.3 before and after, and removes the uploads; the script puts files in place that were made before, proves nothing, and leaves the keys in the folder of uploads.'
    ]
  }
}

function callsOf({ scale }: Bench, works: readonly Work[]): Table {
  const targets = scale.hosts * each
  const kinds = [...new Set(works.flatMap(({ calls }) => Object.keys(calls)))].sort()
  const cells = kinds.map((kind) => [
    kind.replace('/mgmt', ''),
    ...works.map(({ calls }) => number((calls[kind] ?? 0) / targets, 2))
  ])
  return {
    title: 'Calls of a BIG-IP for each target',
    cells: [['call', ...works.map(({ name }) => name)], ...cells],
    notes: ['Counted by the simulator; below /mgmt.']
  }
}
