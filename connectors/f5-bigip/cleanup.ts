import type { BoundPlan, Journal } from '../contract.ts'
import { save } from './commands.ts'
import { deleteObject } from './file-objects.ts'
import { clientSslProfiles, keys, serverSslProfiles } from './readings.ts'
import { activeOf, type ChangeTools } from './change.ts'
import type { Client } from './client.ts'
import { factsOf } from './facts.ts'
import { isOfLine } from './objects.ts'
import { profileOf } from './profiles.ts'
import type { KeyReply } from './replies.ts'
import { bringOver, readyPair, type Seat } from './units.ts'

/** in the journal before the first removal: what is removed has to be saved and brought over, whoever removed it */
const cleanUpStep = 'clean-up'

/** What a clean-up is asked for. */
export interface CleanUp {
  readonly plan: BoundPlan
  /** generations that stay though nothing uses them */
  readonly keep: number
  readonly journal: Journal
}

/**
 * Removes pairs of ours that the target has left behind, but for the last `keep` that nothing uses. Chains stay: they
 * are public, and shared. One request when there is nothing to remove.
 */
export async function cleanChange(tools: ChangeTools, { plan, keep, journal }: CleanUp): Promise<string[]> {
  const { clients, clock, signal } = tools
  const { units } = factsOf(plan)
  const at = units > 1 ? await activeOf(clients, signal) : clients[0]
  if (!at) return []
  const left = await leftBehind(at, plan, { keep, signal })
  const begun = journal.finished.includes(cleanUpStep)
  if (left.length === 0 && !begun) return []
  const pair = units > 1 ? await readyPair(clients, { begun, clock, signal }) : null
  if (!begun) journal.done(cleanUpStep)
  const lead = pair?.lead.client ?? at
  const removed: string[] = []
  for (const { fullPath } of left) {
    // the certificate first: by the key it is found again after a cut
    const certificate = fullPath.replace(/\.key$/, '.crt')
    const done = await deleteObject(lead, { kind: 'ssl-cert', fullPath: certificate }, signal)
    if (done === 'in use') continue
    if (done === 'deleted') removed.push(certificate)
    if ((await deleteObject(lead, { kind: 'ssl-key', fullPath }, signal)) === 'deleted')
      removed.push(fullPath)
  }
  if (removed.length === 0 && !begun) return []
  await save(lead, signal)
  if (pair) {
    const arrived = () => areGone(pair.others, removed, signal)
    await bringOver(pair.lead, pair, { clock, signal, arrived })
    for (const { client } of pair.others) await save(client, signal)
  }
  return removed
}

async function areGone(
  seats: readonly Seat[],
  removed: readonly string[],
  signal: AbortSignal
): Promise<boolean> {
  for (const { client } of seats) {
    if ((await keys(client, signal)).some(({ fullPath }) => removed.includes(fullPath))) return false
  }
  return true
}

async function leftBehind(
  client: Client,
  plan: BoundPlan,
  { keep, signal }: { readonly keep: number; readonly signal: AbortSignal }
): Promise<KeyReply[]> {
  const { changes } = factsOf(plan)
  const held = await keys(client, signal)
  const lines = new Map(changes.map(({ line }) => [JSON.stringify(line), line]))
  const mine = [...lines.values()].map((line) => held.filter(({ fullPath }) => isOfLine(line, fullPath)))
  // one of them is in use, most likely
  if (mine.every((one) => one.length <= keep)) return []
  const used = await usedKeys(client, signal)
  return mine.flatMap((one) => {
    const unused = one.filter(({ fullPath }) => !used.has(fullPath))
    return unused.toSorted(newestFirst).slice(keep)
  })
}

async function usedKeys(client: Client, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const profiles = (await clientSslProfiles(client, signal)).map(profileOf)
  const servers = await serverSslProfiles(client, signal)
  return new Set([
    ...profiles.flatMap(({ entries }) => entries.flatMap(({ key }) => key ?? [])),
    ...servers.flatMap(({ key }) => key ?? [])
  ])
}

// those that were made in the same second are told apart by the count of changes
function newestFirst(one: KeyReply, other: KeyReply): number {
  const [made, otherMade] = [one.createTime ?? '', other.createTime ?? '']
  if (made !== otherMade) return made < otherMade ? 1 : -1
  return (other.generation ?? 0) - (one.generation ?? 0)
}
