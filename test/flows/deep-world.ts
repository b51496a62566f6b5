import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { deepBudget, deepProbe } from '../../sensor/scan/deep/deep-probe.ts'
import type { DeepReport } from '../../sensor/scan/deep/report.ts'
import type { DeepBudget, DeepEndpoint } from '../../sensor/scan/deep/talks.ts'
import { openDialer } from '../../sensor/scan/probe/open-dialer.ts'
import { choose, eachInRecord, finish, refuse, type OldServer } from '../peers/traps/trap.ts'
import { flightMessages } from '../peers/flight.ts'
import { type Link, serveScript } from '../peers/link.ts'
import type { Peer } from '../peers/peer.ts'

/** What a probe in a test may be told beside its port. */
export interface ProbeSetup extends Partial<Omit<DeepEndpoint, 'address'>> {
  readonly budget?: Partial<DeepBudget>
  readonly signal?: AbortSignal
  readonly turn?: () => Promise<void>
}

/** Probes a peer, with time for slow machines and room for peers that accept everything. */
export function probePeer({ host, port }: Peer, setup: ProbeSetup = {}): Promise<DeepReport> {
  const { budget = {}, signal = new AbortController().signal, turn = async () => {}, ...more } = setup
  return deepProbe(
    { address: host, port, name: null, starttls: null, ...more },
    {
      dialer: openDialer('auto'),
      clock: systemClock,
      random: systemRandom,
      budget: { ...deepBudget, connections: 600, ...budget },
      turn
    },
    signal
  )
}

/** What sslscan says, by IANA numbers. */
export interface SslscanReport {
  /** versions enabled, oldest first */
  readonly versions: readonly number[]
  /** suites accepted by version, in the order shown */
  readonly suites: ReadonlyMap<number, readonly number[]>
  /** groups by version */
  readonly groups: ReadonlyMap<number, readonly number[]>
}

const versionNumbers: Readonly<Record<string, number>> = {
  'ssl 2': 0x0002,
  'ssl 3': 0x0300,
  'tls 1.0': 0x0301,
  'tls 1.1': 0x0302,
  'tls 1.2': 0x0303,
  'tls 1.3': 0x0304
}

/** Runs sslscan against a peer. */
export async function sslscan({ host, port }: Peer): Promise<SslscanReport> {
  const args = ['--xml=-', '--show-cipher-ids', '--no-heartbleed', '--no-check-certificate', '--timeout=2']
  const { stdout } = await promisify(execFile)('sslscan', [...args, `${host}:${port}`], { timeout: 60_000 })
  const versions = [...stdout.matchAll(/<protocol type="(\w+)" version="([\d.]+)" enabled="1"/g)]
  return {
    versions: versions.map(([, type, version]) => versionNumbers[`${type} ${version}`] ?? 0),
    suites: byVersion(stdout, /<cipher [^>]*sslversion="(\w+?)v([\d.]+)"[^>]* id="(0x\w+)"/g),
    groups: byVersion(stdout, /<group sslversion="(\w+?)v([\d.]+)"[^>]* id="(0x\w+)"/g)
  }
}

function byVersion(xml: string, pattern: RegExp): Map<number, number[]> {
  const lists = new Map<number, number[]>()
  for (const [, type = '', version = '', id] of xml.matchAll(pattern)) {
    const key = versionNumbers[`${type.toLowerCase()} ${version}`] ?? 0
    lists.set(key, [...(lists.get(key) ?? []), Number(id)])
  }
  return lists
}

/** A server of another age that answers hellos as an {@link OldServer} does, and SSL 2.0 where `kinds` are given. */
export function startMuseum(server: OldServer, kinds = ''): Promise<Peer> {
  return serveScript((link) => showMuseum(link, server, kinds))
}

async function showMuseum(link: Link, server: OldServer, kinds: string): Promise<void> {
  const hello = await link.hello()
  if (hello.form === 'ssl2') {
    if (kinds === '') return link.end()
    await link.write(ssl2ServerHello(server.certificate.der, Buffer.from(kinds, 'hex')))
    return finish(link)
  }
  const choice = choose(hello, server)
  if (typeof choice === 'number') return refuse(link, choice, Math.min(hello.version, 0x0303))
  const messages = flightMessages(hello, choice, server.certificate)
  await link.write(eachInRecord({ version: choice.version, messages }))
  return finish(link)
}

/** SERVER-HELLO: not resumed, X.509, version 2, three lengths, certificate, kinds, connection id. */
export function ssl2ServerHello(certificate: Buffer, kinds: Buffer): Buffer {
  const connection = Buffer.alloc(16, 0x5a)
  const head = Buffer.from([4, 0, 1, 0, 2, 0, 0, 0, 0, 0, connection.length])
  head.writeUInt16BE(certificate.length, 5)
  head.writeUInt16BE(kinds.length, 7)
  const body = Buffer.concat([head, certificate, kinds, connection])
  return Buffer.concat([Buffer.from([0x80 | (body.length >> 8), body.length & 0xff]), body])
}
