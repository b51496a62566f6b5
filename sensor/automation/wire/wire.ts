import PQueue from 'p-queue'
import type { Plan, ServedAt } from '../../../connectors/contract.ts'
import { formatEndpoint } from '../../../core/address.ts'
import { sleep } from '../../../core/clock.ts'
import type { Baseline, Look, Unproven, Wire, WireQuestion, WireVerdict, WireVersion } from '../ports.ts'
import {
  expectations,
  formerState,
  uncoveredPlaces,
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
export function createWire(tools: WireTools, limits: WireLimits): Wire {
  const wire = { tools, limits }
  return {
    spared: (places, signal) => tools.spared(places, signal),
    async baseline(plan, signal) {
      const untouched = new Set(await tools.spared([...plan.served, ...plan.neighbours], signal))
      const [served, neighbours] = [plan.served, plan.neighbours].map((places) =>
        places.filter((at) => !untouched.has(at))
      )
      return lookAll(wire, { served: served ?? [], neighbours: neighbours ?? [] }, signal)
    },
    proves: (question, signal) => prove(wire, question, signal),
    async restored(baseline, signal) {
      const { touched, spared } = await parted(wire, baseline, signal)
      const places = formerState(touched)
      return judge({ ...wire, limits: { ...limits, inRow: 1 } }, places, { signal, unproven: spared })
    }
  }
}

/** What handshakes are made with. */
export interface WireTools extends ChainTools {
  /** those of the places that the do-not-scan list has; faults: the list cannot be read */
  spared(places: readonly ServedAt[], signal: AbortSignal): Promise<readonly ServedAt[]>
}

async function prove(wire: Setup, question: WireQuestion, signal: AbortSignal): Promise<WireVerdict> {
  const { touched, spared } = await parted(wire, question.baseline, signal)
  const asked = { ...question, baseline: touched }
  const places = expectations(asked)
  const uncovered = uncoveredPlaces(asked).map((at): Unproven => ({ at: nameOf(at), why: 'uncovered' }))
  const unproven = [...uncovered, ...spared]
  if (question.role !== 'standby' && !places.some(({ part }) => part === 'served')) {
    const left = unproven.map(({ at, why }) => `${at} (${why})`).join(', ')
    return { state: 'differs', why: [`no handshake can prove the new certificate: ${left || 'no place'}`] }
  }
  return judge(wire, places, { signal, unproven })
}

/**
 * What was looked at before anything was written, without what the do-not-scan list has now. When the list cannot be
 * read half-way, what it said before the first write holds: an undo cannot wait for it.
 */
async function parted(
  { tools }: Setup,
  baseline: Baseline,
  signal: AbortSignal
): Promise<{ readonly touched: Baseline; readonly spared: readonly Unproven[] }> {
  const places = [...new Map(baseline.map(({ at }) => [JSON.stringify(at), at])).values()]
  const listed = await tools.spared(places, signal).catch(() => [])
  const untouched = new Set(listed.map((at) => JSON.stringify(at)))
  return {
    touched: baseline.filter(({ at }) => !untouched.has(JSON.stringify(at))),
    spared: listed.map((at) => ({ at: nameOf(at), why: 'spared' }))
  }
}

interface Setup {
  readonly tools: WireTools
  readonly limits: WireLimits
}

async function lookAll(
  wire: Setup,
  { served, neighbours }: Pick<Plan, 'served' | 'neighbours'>,
  signal: AbortSignal
): Promise<Baseline> {
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

interface Judging {
  readonly signal: AbortSignal
  /** places that are not looked at */
  readonly unproven: readonly Unproven[]
}

async function judge(
  wire: Setup,
  places: readonly Place[],
  { signal, unproven }: Judging
): Promise<WireVerdict> {
  const queue = new PQueue({ concurrency: wire.limits.atOnce })
  const found = await Promise.all(places.map((place) => queue.add(() => judgePlace(wire, place, signal))))
  const why = found.flatMap(({ wrong }) => wrong ?? [])
  if (why.length > 0) return { state: 'differs', why }
  const silent = found.flatMap(({ silent }) => silent ?? [])
  return { state: 'agrees', unproven: [...silent.map((at) => ({ at, why: 'silent' as const })), ...unproven] }
}

interface PlaceVerdict {
  readonly wrong?: string
  readonly silent?: string
}

async function judgePlace(wire: Setup, place: Place, signal: AbortSignal): Promise<PlaceVerdict> {
  const { clock } = wire.tools
  const end = clock.ticks() + wire.limits.tryMs
  if (place.answers === 'may' && !(await answers(wire, place, signal))) return { silent: nameOf(place.at) }
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
