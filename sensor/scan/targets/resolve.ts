import { lookup, reverse } from 'node:dns/promises'
import PQueue from 'p-queue'
import { type Address, parseAddress } from '../../../core/address.ts'
import { Fault } from '../../../core/fault.ts'
import { visible } from '../../../core/text.ts'
import type { HostTarget, NameTarget, ResolvedTarget, Target } from './target.ts'

/** All addresses of a host name as text, A and AAAA; rejects as node:dns does, with a `code`. */
export type Resolver = (name: string) => Promise<readonly string[]>

/** What resolving works with. */
export interface ResolveDeps {
  readonly resolver: Resolver
  /** names that are asked for at the same time */
  readonly concurrency: number
  readonly signal?: AbortSignal
}

/** A name that gave no address. */
export interface Unresolved {
  readonly name: string
  /** the resolver's code, e.g. ENOTFOUND, or `no-address` when its answer held none that can be used */
  readonly reason: string
  /** could the name have addresses all the same (no answer, server failure)? */
  readonly temporary: boolean
}

/** Targets that need no resolver any more, and the names that gave nothing. */
export interface Resolved {
  readonly targets: readonly ResolvedTarget[]
  readonly unresolved: readonly Unresolved[]
}

/**
 * The system's own way to resolve (hosts file, DNS, search domains). It works in the thread pool of libuv: more
 * than UV_THREADPOOL_SIZE names at a time wait for each other.
 */
export const systemResolver: Resolver = async (name) =>
  (await lookup(name, { all: true })).map((one) => one.address)

/** The PTR names of an address, by DNS. */
export const systemReverse = (address: string): Promise<readonly string[]> => reverse(address)

/**
 * Host names become one target per address, each with the name as server name. Throws `target-unresolved` when
 * there are names and nothing at all is left to scan.
 */
export async function resolveTargets(targets: readonly Target[], deps: ResolveDeps): Promise<Resolved> {
  const answers = await lookUp(targets, deps)
  const resolved = targets.flatMap((target) => (target.kind === 'name' ? hostsOf(target, answers) : [target]))
  const unresolved = [...answers.values()].filter((answer) => !Array.isArray(answer)) as Unresolved[]
  const [first] = unresolved
  if (resolved.length === 0 && first) throw nothingResolved(first, unresolved.length)
  return { targets: resolved, unresolved }
}

/**
 * Exclusions with the addresses of their host names. A name that does not exist protects nothing but itself.
 * Throws `target-unresolved` when a resolver fails to say: what that name protects would be touched otherwise.
 */
export async function resolveExclusions(
  targets: readonly Target[],
  deps: ResolveDeps
): Promise<readonly Target[]> {
  const answers = await lookUp(targets, deps)
  return targets.flatMap((target): Target[] => {
    if (target.kind !== 'name') return [target]
    const answer = answers.get(target.name)
    if (answer && 'temporary' in answer && answer.temporary) throw unknownExclusion(answer)
    return [target, ...hostsOf(target, answers)]
  })
}

type Answer = readonly Address[] | Unresolved

async function lookUp(targets: readonly Target[], deps: ResolveDeps): Promise<Map<string, Answer>> {
  const names = new Set(targets.flatMap((target) => (target.kind === 'name' ? [target.name] : [])))
  const queue = new PQueue({ concurrency: deps.concurrency })
  const answers = new Map<string, Answer>()
  const work = [...names].map((name) => async () => {
    deps.signal?.throwIfAborted()
    answers.set(name, await ask(name, deps.resolver))
  })
  await queue.addAll(work)
  return answers
}

async function ask(name: string, resolver: Resolver): Promise<Answer> {
  try {
    const addresses = (await resolver(name)).map(parseAddress).filter((address) => address !== undefined)
    if (addresses.length > 0) return [...new Set(addresses)]
    return { name, reason: 'no-address', temporary: false }
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'failed'
    return { name, reason, temporary: reason !== 'ENOTFOUND' && reason !== 'ENODATA' }
  }
}

function hostsOf({ name, ports }: NameTarget, answers: ReadonlyMap<string, Answer>): HostTarget[] {
  const answer = answers.get(name)
  if (!answer || 'temporary' in answer) return []
  return answer.map((address) => ({ kind: 'host', address, name, ports }))
}

function nothingResolved(first: Unresolved, count: number): Fault {
  const others = count > 1 ? ` and ${count - 1} other names` : ''
  const message = `target "${visible(first.name, 80)}"${others} did not resolve (${first.reason}). Check the name and the resolver.`
  return new Fault('target-unresolved', message, { field: 'target', value: first.name, count })
}

function unknownExclusion({ name, reason }: Unresolved): Fault {
  const message =
    `excluded host "${visible(name, 80)}": the resolver failed (${reason}), so its addresses cannot be spared. ` +
    'Write its addresses instead, or scan once the resolver works.'
  return new Fault('target-unresolved', message, { field: 'exclude', value: name })
}
