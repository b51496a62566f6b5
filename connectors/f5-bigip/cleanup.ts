import type { BoundPlan, Journal } from '../contract.ts'
import { save } from './commands.ts'
import { deleteObject } from './file-objects.ts'
import { partsOf } from './full-path.ts'
import { certificates, clientSslProfiles, keys, serverSslProfiles } from './readings.ts'
import { activeOf, type ChangeTools } from './change.ts'
import type { Client } from './client.ts'
import { factsOf, type PairChange } from './facts.ts'
import { isMade, isOfLine, type Line, lineOf } from './objects.ts'
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
    // the certificate first: by the key it is found again after a cut. A key that the device made and that has no
    // certificate waits for one: it goes first
    if (isMade(fullPath)) {
      removed.push(...(await removeMade(lead, fullPath, signal)))
      continue
    }
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

async function removeMade(client: Client, key: string, signal: AbortSignal): Promise<string[]> {
  const certificate = key.replace(/\.key$/, '.crt')
  const done = await deleteObject(client, { kind: 'ssl-key', fullPath: key }, signal)
  if (done === 'in use') return []
  const also = await deleteObject(client, { kind: 'ssl-cert', fullPath: certificate }, signal)
  return [...(also === 'deleted' ? [certificate] : []), ...(done === 'deleted' ? [key] : [])]
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
  const held = await deployed(client, changes, signal)
  const lines = new Map(changes.flatMap(linesOf).map((line) => [JSON.stringify(line), line]))
  const mine = [...lines.values()].map((line) => held.filter(({ fullPath }) => isOfLine(line, fullPath)))
  // one of them is in use, most likely
  if (mine.every((one) => one.length <= keep)) return []
  const used = await usedKeys(client, signal)
  return mine.flatMap((one) => {
    const unused = one.filter(({ fullPath }) => !used.has(fullPath))
    return unused.toSorted(newestFirst).slice(keep)
  })
}

/** of a pair that follows one of another line, that line is left behind, too */
function linesOf({ line, former }: PairChange): Line[] {
  return former?.cert ? [line, lineOf(former.cert)] : [line]
}

/** Keys, but for those that wait for their certificate; where a certificate was left without its key, under its name. */
async function deployed(
  client: Client,
  changes: readonly PairChange[],
  signal: AbortSignal
): Promise<readonly KeyReply[]> {
  const held = await keys(client, signal)
  if (changes.every(({ made }) => !made) && held.every(({ fullPath }) => !isMade(fullPath))) return held
  const there = new Set((await certificates(client, signal)).map(({ fullPath }) => fullPath))
  const known = new Set(held.map(({ fullPath }) => fullPath))
  const alone = [...there]
    .filter(isMade)
    .map((fullPath) => fullPath.replace(/\.crt$/, '.key'))
    .filter((fullPath) => !known.has(fullPath))
  const waits = (fullPath: string) => isMade(fullPath) && !there.has(fullPath.replace(/\.key$/, '.crt'))
  return [
    ...held.filter(({ fullPath }) => !waits(fullPath)),
    ...alone.map((fullPath) => ({ name: partsOf(fullPath).name, fullPath }))
  ]
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
