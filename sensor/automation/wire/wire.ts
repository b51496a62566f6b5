import PQueue from 'p-queue'
import type { Plan, ServedAt } from '../../../connectors/contract.ts'
import { formatEndpoint } from '../../../core/address.ts'
import { sleep } from '../../../core/clock.ts'
import type { Baseline, Look, Wire, WireVerdict, WireVersion } from '../ports.ts'
import {
  expectations,
  formerState,
  wireFamilies,
  wireVersions,
  type Need,
  type Place
} from './expectations.ts'
import { handshake, type HandshakeWish } from './handshake.ts'
import { servedChain, type ChainTools } from './served-chain.ts'

/** How patient the wire is. */
export interface WireLimits {
  /** for one handshake, ms */
  readonly handshakeMs: number
  /** for what must be seen to be seen, ms */
  readonly tryMs: number
  /** new connections in a row that must all show it: old processes and other nodes may still answer */
  readonly inRow: number
  /** places that are looked at at a time */
  readonly atOnce: number
}

/** What is usual for {@link WireLimits}. */
export const wireLimits: WireLimits = { handshakeMs: 5_000, tryMs: 10_000, inRow: 5, atOnce: 8 }

/** pause between tries, ms */
const betweenMs = 200

/** Real handshakes with what deployments change. */
export function createWire(tools: ChainTools, limits: WireLimits): Wire {
  const wire = { tools, limits }
  return {
    baseline: (plan, signal) => lookAll(wire, plan, signal),
    proves: (question, signal) => judge(wire, expectations(question), signal),
    restored: (baseline, signal) =>
      judge({ ...wire, limits: { ...limits, inRow: 1 } }, formerState(baseline), signal)
  }
}

interface Setup {
  readonly tools: ChainTools
  readonly limits: WireLimits
}

async function lookAll(wire: Setup, { served, neighbours }: Plan, signal: AbortSignal): Promise<Baseline> {
  const places = [
    ...served.map((at) => ({ at, part: 'served' as const })),
    ...neighbours.map((at) => ({ at, part: 'neighbour' as const }))
  ]
  const queue = new PQueue({ concurrency: wire.limits.atOnce })
  const looks = await Promise.all(places.map((one) => queue.add(() => lookAt(wire, one, signal))))
  return looks.flat()
}

async function lookAt(
  wire: Setup,
  { at, part }: Pick<Place, 'at' | 'part'>,
  signal: AbortSignal
): Promise<Look[]> {
  const looks: Look[] = []
  for (const version of wireVersions) {
    for (const family of wireFamilies) {
      const fingerprint = await see(wire, { at, version, family }, signal)
      looks.push({ at, part, version, family, fingerprint })
    }
  }
  return looks
}

/** the leaf that is shown; TLS in packets of its own is no matter for Node's TLS: there the message has to do */
async function see(
  { tools, limits }: Setup,
  wish: HandshakeWish,
  signal: AbortSignal
): Promise<string | null> {
  if (wish.at.starttls !== 'tds') return handshake(tools.clock, wish, limits.handshakeMs, signal)
  return (await servedChain(tools, wish, limits.handshakeMs))?.[0] ?? null
}

async function judge(wire: Setup, places: readonly Place[], signal: AbortSignal): Promise<WireVerdict> {
  const queue = new PQueue({ concurrency: wire.limits.atOnce })
  const found = await Promise.all(places.map((place) => queue.add(() => judgePlace(wire, place, signal))))
  const why = found.flatMap(({ wrong }) => wrong ?? [])
  if (why.length > 0) return { state: 'differs', why }
  return { state: 'agrees', unproven: found.flatMap(({ unproven }) => unproven ?? []) }
}

interface PlaceVerdict {
  readonly wrong?: string
  readonly unproven?: string
}

async function judgePlace(wire: Setup, place: Place, signal: AbortSignal): Promise<PlaceVerdict> {
  const { clock } = wire.tools
  const end = clock.ticks() + wire.limits.tryMs
  if (place.answers === 'may' && !(await answers(wire, place, signal))) return { unproven: nameOf(place.at) }
  for (;;) {
    const wrong = await wrongAt(wire, place, signal)
    if (wrong === null) return {}
    if (clock.ticks() >= end || signal.aborted) return { wrong }
    await sleep(clock, betweenMs, signal)
  }
}

async function answers(wire: Setup, { at }: Place, signal: AbortSignal): Promise<boolean> {
  return (await lookAt(wire, { at, part: 'served' }, signal)).some(({ fingerprint }) => fingerprint !== null)
}

async function wrongAt(wire: Setup, { at, needs }: Place, signal: AbortSignal): Promise<string | null> {
  for (const need of needs) {
    const wrong = await wrongNeed(wire, at, { need, signal })
    if (wrong !== null) return wrong
  }
  return null
}

interface Asked {
  readonly need: Need
  readonly signal: AbortSignal
}

async function wrongNeed(wire: Setup, at: ServedAt, { need, signal }: Asked): Promise<string | null> {
  const { family, versions, leaf } = need
  let proven: WireVersion | null = null
  let wrong: string | null = null
  for (const version of versions) {
    const other = await otherLeaf(wire, { at, version, family }, { need, signal })
    if (other === undefined) proven = version
    else wrong = `${nameOf(at)} (${version}, ${family}) shows ${short(other)}, not ${short(leaf)}`
    if (other !== undefined && need.in === 'all') return wrong
    if (other === undefined && need.in === 'any') break
  }
  return proven === null ? wrong : wrongChain(wire, { at, version: proven, family }, need)
}

/** what is shown instead on one of the connections in a row (null: no handshake); undefined: all show the leaf */
async function otherLeaf(
  wire: Setup,
  wish: HandshakeWish,
  { need, signal }: Asked
): Promise<string | null | undefined> {
  // MySQL counts connections without a sign-in, and bars the address after too many
  const times = wish.at.starttls === 'mysql' ? 1 : wire.limits.inRow
  for (let nth = 0; nth < times; nth++) {
    const shown = await see(wire, wish, signal)
    if (shown !== need.leaf) return shown
  }
  return undefined
}

async function wrongChain(wire: Setup, wish: HandshakeWish, { chain }: Need): Promise<string | null> {
  if (chain.length < 2 || wish.at.starttls === 'mysql') return null
  const sent = await servedChain(wire.tools, wish, wire.limits.handshakeMs)
  // a server that ends a talk without a finished handshake has proven its leaf all the same
  const lacking = sent === null ? [] : chain.filter((one) => !sent.includes(one))
  if (lacking.length === 0) return null
  return `${nameOf(wish.at)} (${wish.version}, ${wish.family}) does not send ${lacking.map(short).join(', ')} of the chain`
}

function nameOf({ address, port, name }: ServedAt): string {
  const place = formatEndpoint(address, port)
  return name === null ? place : `${name} at ${place}`
}

function short(fingerprint: string | null): string {
  return fingerprint === null ? 'no certificate' : fingerprint.slice(0, 16)
}
