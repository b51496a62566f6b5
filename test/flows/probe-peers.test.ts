// What the probe says about every peer: the closed list of outcomes, the certificates of both key types and
// their chains, bounded time. Where openssl can look, it must see the same.
import { createHash } from 'node:crypto'
import PQueue from 'p-queue'
import t, { type Test } from 'tap'
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { sweepOptions } from '../../sensor/scan/defaults.ts'
import { outcomes, type Observation, type StartTls } from '../../sensor/scan/observation.ts'
import type { DialerChoice } from '../../sensor/scan/probe/open-dialer.ts'
import { versionName } from '../../sensor/scan/probe/suites.ts'
import { runScan } from '../../sensor/scan/run.ts'
import { opensslMissing } from '../peers/openssl.ts'
import type { Peer } from '../peers/peer.ts'
import { type PeerRow, skipWithout } from '../peers/row.ts'
import { lookWithOpenssl } from '../peers/s-client.ts'
import { peerRows } from '../peers/table.ts'
import { createTestbed } from '../peers/testbed.ts'

const answerMs = 4_000
const rows = peerRows(createTestbed())
const noOpenssl = opensslMissing()

interface Ask {
  readonly starttls: StartTls | 'auto'
  readonly dialer: DialerChoice
}

/** one peer, as a scan of one pair sees it */
async function probe(row: PeerRow, peer: Peer, ask: Ask): Promise<Observation | undefined> {
  const pairs = [[peer.host, peer.port, row.serverName]] as const
  const plan = {
    space: { ranges4: [], ranges6: [], ports: [], pairs },
    seed: 1,
    workers: 0,
    dialer: ask.dialer,
    options: sweepOptions({ starttls: ask.starttls, answerMs, repeats: 0 })
  }
  const seen: Observation[] = []
  const record = (batch: { readonly observations: readonly Observation[] }) =>
    seen.push(...batch.observations)
  const deps = { clock: systemClock, random: systemRandom, record }
  await runScan(plan, deps, new AbortController().signal)
  return seen[0]
}

const table: string[] = []

async function check(t: Test, row: PeerRow, peer: Peer): Promise<void> {
  const { expect } = row
  const seen = await probe(row, peer, { starttls: expect.starttls ?? 'auto', dialer: 'auto' })
  table.push(line(row, seen))
  if (!seen) return void t.equal('closed', expect.outcome, `${row.name}: nothing was seen`)
  t.ok(seen.outcome in outcomes)
  t.equal(seen.outcome, expect.outcome, `${row.name}: outcome`)
  t.same(
    seen.chains.map(({ leaf }) => leaf).toSorted(),
    expect.leafs.toSorted(),
    `${row.name}: a leaf for each key type`
  )
  for (const { leaf, certificates = [] } of seen.chains) {
    const fingerprints = certificates.map((der) => createHash('sha256').update(der).digest('hex'))
    t.same(fingerprints, expect.chains[expect.leafs.indexOf(leaf)], `${row.name}: the chain as served`)
  }
  if (expect.version !== undefined) t.equal(seen.version, expect.version, `${row.name}: version`)
  if (expect.alert !== undefined) t.equal(seen.alert, expect.alert, `${row.name}: alert`)
  if (expect.starttls !== undefined) t.equal(seen.starttls, expect.starttls, `${row.name}: STARTTLS`)
  if (expect.clientCertificate !== undefined) {
    t.equal(seen.clientCertificate, expect.clientCertificate, `${row.name}: client certificate asked`)
  }
  t.ok(seen.ms < 2 * answerMs + 6_000, `${row.name}: bounded time`)
  t.notMatch(
    seen.banner ?? '',
    /[\u0000-\u001f\u007f-\u009f\u202e]/,
    `${row.name}: nothing raw of the server's`
  )
  if (noOpenssl === undefined) await compare(t, row, peer)
}

/** openssl's look at the same peer, per key type */
async function compare(t: Test, row: PeerRow, peer: Peer): Promise<void> {
  for (const { args, leaf } of row.sclient) {
    const { chain, output } = await lookWithOpenssl({ host: peer.host, port: peer.port, args })
    t.same(chain, row.expect.chains[row.expect.leafs.indexOf(leaf)], `${row.name}: openssl sees it too`, {
      output
    })
  }
}

function line(row: PeerRow, seen: Observation | undefined): string {
  const outcome = seen?.outcome ?? 'closed or silent'
  const version = seen?.version ? versionName(seen.version) : ''
  const leafs = seen?.chains.length ? `${seen.chains.length} leaf` : ''
  const banner = seen?.banner ? JSON.stringify(seen.banner.slice(0, 24)) : ''
  const cost = seen ? `${seen.connections} conn ${Math.round(seen.ms)} ms` : ''
  return `${row.name.padEnd(58)} ${outcome.padEnd(16)} ${[seen?.starttls, version, leafs, cost, banner].filter(Boolean).join(' · ')}`
}

// most of the time goes into waiting for servers that stall
const together = 8

for (const family of ['tls', 'starttls', 'trap', 'openssl'] as const) {
  t.test(`${family}: each peer ends as it should`, async (t) => {
    const queue = new PQueue({ concurrency: together })
    await queue.addAll(
      rows
        .filter((row) => row.family === family)
        .map((row) => async () => {
          const missing = row.missing()
          if (missing === undefined) await withPeer(row, (peer) => check(t, row, peer))
          else t.pass(row.name, { skip: skipWithout(missing) })
        })
    )
  })
}

async function withPeer(row: PeerRow, use: (peer: Peer) => Promise<void>): Promise<void> {
  const peer = await row.start()
  try {
    await use(peer)
  } finally {
    await peer.close()
  }
}

t.test('services of Debian: each port ends as it should', async (t) => {
  const services = rows.filter(({ family }) => family === 'service')
  const missing = new Set(services.map((row) => row.missing()).filter((text) => text !== undefined))
  for (const text of missing) t.pass(text, { skip: skipWithout(text) })
  const running = await Promise.all(
    services
      .filter((row) => row.missing() === undefined)
      .map(async (row) => ({ row, peer: await row.start() }))
  )
  try {
    for (const { row, peer } of running) await check(t, row, peer)
  } finally {
    await Promise.all(running.map(({ peer }) => peer.close()))
  }
})

t.test('the supported way to the network says the same as the quick one', async (t) => {
  const queue = new PQueue({ concurrency: together })
  const look = async (row: PeerRow, peer: Peer) => {
    const seen = await probe(row, peer, { starttls: row.expect.starttls ?? 'auto', dialer: 'socket' })
    t.equal(seen?.outcome ?? 'closed', row.expect.outcome, row.name)
    t.same(seen?.chains.map(({ leaf }) => leaf).toSorted() ?? [], row.expect.leafs.toSorted(), row.name)
  }
  const chosen = rows.filter(({ family }) => family === 'tls' || family === 'trap')
  await queue.addAll(chosen.map((row) => () => withPeer(row, (peer) => look(row, peer))))
})

t.test('server × outcome', (t) => {
  // scripts/test.js prints these lines
  for (const text of table.toSorted()) t.comment(`table: ${text}`)
  t.ok(table.length >= rows.length - rows.filter((row) => row.missing() !== undefined).length)
  t.end()
})
