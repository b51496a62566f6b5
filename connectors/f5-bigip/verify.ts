import type { BoundPlan, Verdict } from '../contract.ts'
import type { ChangeTools } from './change.ts'
import type { Client } from './client.ts'
import { factsOf } from './facts.ts'
import { type Reading, readingOf } from './work.ts'
import { pairsOf } from './targets.ts'
import { seatsOf, statusOf } from './units.ts'

/**
 * Reads back whether the profile holds the certificates of a bound plan, whatever their objects are called: on each
 * unit, and whether they are in sync. `read` is what a single unit has just shown. That it is saved is not to be read back: a save that is answered is done.
 */
export async function verifyChange(
  { clients, signal }: Pick<ChangeTools, 'clients' | 'signal'>,
  plan: BoundPlan,
  read?: Reading
): Promise<Verdict> {
  const { units } = factsOf(plan)
  const why: string[] = []
  for (const client of clients.slice(0, units)) {
    const reading = read && units === 1 ? read : await readingOf(client, plan.target, signal)
    why.push(...wrongIn(reading, client, plan))
  }
  if (units > 1) {
    for (const seat of await seatsOf(clients, signal)) {
      const { state, words } = await statusOf(seat, signal)
      if (state !== 'in-sync') why.push(`${seat.client.name} says ${words || 'nothing'}, not In Sync`)
    }
  }
  return why.length === 0 ? { state: 'in-place' } : { state: 'differs', why }
}

function wrongIn({ profile, certificates }: Reading, client: Client, plan: BoundPlan): string[] {
  if (!profile) return [`${client.name} has no profile ${plan.target}`]
  const pairs = pairsOf(profile.entries, certificates)
  return plan.families.flatMap((family) => {
    const wanted = plan.bound[family] ?? ''
    const held = pairs.filter(
      ({ certificate, entry }) => certificate?.family === family && entry.usage !== 'CA'
    )
    if (held.some(({ certificate }) => certificate?.fingerprint === wanted)) return []
    const shown = held.map(({ certificate }) => certificate?.fingerprint ?? 'unknown').join(', ')
    return [
      `${plan.target} on ${client.name} holds ${shown || 'nothing'} for ${family.toUpperCase()}, not ${wanted}`
    ]
  })
}
