// A process of its own: new handshakes at a steady rate, until its standard input ends; then it prints what it saw.
// Whoever works in the process that started it does not slow it down: node handshake-loop.ts PLAN (JSON)
import { setTimeout as pause } from 'node:timers/promises'
import { argv, stdin, stdout } from 'node:process'
import { shakeHands, type HandshakeOptions } from './handshake.ts'

/** What the loop is started with. */
export interface LoopPlan {
  /** asked in turn */
  readonly endpoints: readonly LoopEndpoint[]
  /** new connections a second */
  readonly perSecond: number
}

/** Whom a handshake is made with, under a name for the report. */
export interface LoopEndpoint extends HandshakeOptions {
  readonly label: string
}

/** What the loop saw. */
export interface LoopReport {
  /** handshakes that were begun, with their failures */
  readonly made: number
  readonly failed: readonly LoopFailure[]
  readonly seconds: number
  /** by label: every leaf that was shown, SHA-256 in hex, in the order in which each was first seen */
  readonly shown: Readonly<Record<string, readonly string[]>>
}

/** A handshake that did not come about. */
export interface LoopFailure {
  readonly label: string
  readonly error: string
  /** milliseconds since the loop began */
  readonly at: number
}

/** so many may be under way; the rate falls when a server does not keep up */
const mostAtOnce = 64

/** Shakes hands until `stop` aborts, and then with each once more: what they show in the end is seen, too. */
async function loop({ endpoints, perSecond }: LoopPlan, stop: AbortSignal): Promise<LoopReport> {
  const shown = new Map(endpoints.map(({ label }) => [label, new Set<string>()]))
  const failed: LoopFailure[] = []
  const underWay = new Set<Promise<void>>()
  const start = performance.now()
  let made = 0
  const one = async (endpoint: LoopEndpoint) => {
    const { label } = endpoint
    const seen = await shakeHands(endpoint)
    made++
    if (seen.ok) shown.get(label)?.add(seen.fingerprint)
    else failed.push({ label, error: seen.error, at: Math.round(performance.now() - start) })
  }
  let last = Infinity
  for (let nth = 0; nth < last; nth++) {
    if (stop.aborted && last === Infinity) last = nth + endpoints.length
    const endpoint = endpoints[nth % endpoints.length]
    if (endpoint && underWay.size < mostAtOnce) {
      const handshake = one(endpoint).finally(() => underWay.delete(handshake))
      underWay.add(handshake)
    }
    const due = start + ((nth + 1) * 1000) / perSecond
    await pause(Math.max(0, due - performance.now()))
  }
  const seconds = (performance.now() - start) / 1000
  await Promise.all(underWay)
  return {
    made,
    failed,
    seconds,
    shown: Object.fromEntries([...shown].map(([label, all]) => [label, [...all]]))
  }
}

if (import.meta.main) {
  const stop = new AbortController()
  stdin.resume().on('close', () => stop.abort())
  stdin.on('end', () => stop.abort())
  stdout.write('begun\n')
  const report = await loop(JSON.parse(argv[2] ?? '') as LoopPlan, stop.signal)
  stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))
}
