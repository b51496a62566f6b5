import { join } from 'node:path'
import { boundClient, ourScan, sidesNote } from '../contenders.ts'
import type { Bench, Report, Section } from '../context.ts'
import { inTurn, rateOf, ratio, type Contender, type Line } from '../measure.ts'
import type { CannedFlight } from '../flights.ts'
import { serve, type Server, type Serving } from '../serve.ts'
import { comparison, number, type Goal } from '../table.ts'

/** One way to run our scan in a comparison, with the least share of the C client's rate that it must reach. */
interface Way {
  readonly name: string
  readonly least?: number
  /** another server than the comparison's */
  readonly flight?: CannedFlight
  readonly job?: { readonly dialer?: 'socket'; readonly stored?: true }
}

interface Comparison {
  readonly work: string
  readonly serving: Serving
  /** what the C client reads; 0: to the end of the Certificate message */
  readonly bytes: number
  readonly ways: readonly Way[]
}

const stored = { stored: true } as const
const socket = { dialer: 'socket' } as const

/** TLS 1.2 against a server that closes after its flight. */
export const tls12Close: Section = {
  name: 'tls12-close',
  about: 'TLS 1.2 certificates from a server that closes',
  async run(bench) {
    const { tls12 } = await bench.material()
    return compare(bench, {
      work: 'TLS 1.2 certificate, server closes',
      serving: { flight: tls12, mode: 'close' },
      bytes: 0,
      ways: [
        { name: 'ours', least: 0.75 },
        { name: 'ours, store written', least: 0.65, job: stored },
        { name: 'ours by net.Socket', least: 0.45, job: socket }
      ]
    })
  }
}

/** TLS 1.2 where no two endpoints show the same leaf, so that each is parsed and kept. */
export const unique: Section = {
  name: 'unique',
  about: 'TLS 1.2 certificates, another leaf from each endpoint',
  async run(bench) {
    const { tls12 } = await bench.material()
    // keeping a new certificate takes several times as long as reading one
    const endpoints = Math.ceil(bench.scale.endpoints / 4)
    const smaller = { ...bench, scale: { ...bench.scale, endpoints } }
    return compare(smaller, {
      work: 'TLS 1.2 certificate, each leaf another, server closes',
      serving: { flight: tls12, mode: 'close', unique: true },
      bytes: 0,
      ways: [{ name: 'ours' }, { name: 'ours, store written', job: stored }]
    })
  }
}

/** TLS 1.2 against a server that waits for the client to close. */
export const tls12Keep: Section = {
  name: 'tls12-keep',
  about: 'TLS 1.2 certificates from a server that keeps connections open',
  async run(bench) {
    const { tls12 } = await bench.material()
    return compare(bench, {
      work: 'TLS 1.2 certificate, server keeps open',
      serving: { flight: tls12, mode: 'keep' },
      bytes: 0,
      ways: [
        { name: 'ours', least: 0.6 },
        { name: 'ours, store written', least: 0.5, job: stored },
        { name: 'ours by net.Socket', job: socket }
      ]
    })
  }
}

/** TLS 1.3, whose Certificate is encrypted. */
export const tls13: Section = {
  name: 'tls13',
  about: 'TLS 1.3 certificates',
  async run(bench) {
    const { tls13, tls13Ecdsa } = await bench.material()
    return compare(bench, {
      work: 'TLS 1.3-only certificate',
      serving: { flight: tls13, mode: 'close' },
      bytes: tls13.certificateEnd,
      ways: [
        { name: 'ours, RSA chain', least: 0.45 },
        { name: 'ours, ECDSA chain', flight: tls13Ecdsa },
        { name: 'ours by net.Socket, RSA chain', job: socket }
      ]
    })
  }
}

async function compare(bench: Bench, { work, serving, bytes, ways }: Comparison): Promise<Report> {
  const { helloFile, rootFile } = await bench.material()
  const servers: Server[] = []
  const start = async (wished: Serving) => {
    const server = await serve(bench, wished)
    servers.push(server)
    return server.port
  }
  try {
    const port = await start(serving)
    const contenders: Contender[] = []
    if (bench.native) contenders.push(boundClient(bench, bench.native.client, { helloFile, port, bytes }))
    for (const { name, flight, job } of ways) {
      const to = flight ? await start({ ...serving, flight }) : port
      const store = job?.stored ? { folder: join(bench.folder, 'store'), rootFile } : null
      contenders.push(ourScan(bench, name, { ports: [to], dialer: job?.dialer ?? 'auto', store }))
    }
    const lines = await inTurn(contenders, bench.scale.rounds, bench.progress)
    return {
      tables: [comparison(lines, { title: work, thing: 'endpoint', notes: notesOn(bench) })],
      goals: goalsOf(work, ways, lines)
    }
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
  }
}

function notesOn({ native }: Bench): string[] {
  if (native) return [sidesNote()]
  return [
    'No C compiler: without the C client there are no ratios, and the canned server in Node limits the rates.'
  ]
}

function goalsOf(work: string, ways: readonly Way[], lines: readonly Line[]): Goal[] {
  const [bound] = lines
  if (!bound || bound.name === ways[0]?.name) return []
  return ways.flatMap(({ name, least }) => {
    const line = lines.find((candidate) => candidate.name === name)
    if (!line || least === undefined) return []
    const share = ratio(line, bound, rateOf)
    const goal = `≥ ${least.toFixed(2)} of the C client's rate`
    return [
      {
        work: `${work}: ${name}`,
        goal,
        measured: `${number(share, 2)}${allFound(line) ? '' : ', not all found'}`,
        met: share >= least && allFound(line)
      }
    ]
  })
}

/** did every run find everything? a fast scan that misses something has met no goal */
function allFound({ samples }: Line): boolean {
  return samples.every(({ n, ok }) => n === ok)
}
