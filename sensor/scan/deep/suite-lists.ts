import type { HelloOffer } from '../probe/hello.ts'
import type { Answer, Talks } from './talks.ts'

/** Which of several things a server accepts, in the order in which it chose them. */
export interface Accepted {
  readonly chosen: readonly number[]
  /** false when the probe was stopped before the server had refused what was left */
  readonly complete: boolean
}

/** How a list is asked for. */
export interface Elimination {
  readonly offer: (left: readonly number[]) => HelloOffer
  /** the choice that an answer shows, or null for a refusal */
  readonly choiceOf: (answer: Answer) => number | null
  readonly reading: 'brief' | 'whole'
}

/** Offers all, takes away what the server chose, and so on until it refuses what is left. */
export async function eliminate(talks: Talks, all: readonly number[], how: Elimination): Promise<Accepted> {
  const chosen: number[] = []
  const left = [...all]
  let repeated = false
  while (left.length > 0) {
    const answer = await talks.ask(how.offer(left), how.reading)
    if (!answer) return { chosen, complete: false }
    const at = left.indexOf(how.choiceOf(answer) ?? -1)
    if (at >= 0) chosen.push(...left.splice(at, 1))
    else if (repeated || !isVague(answer)) break
    else repeated = true
  }
  return { chosen, complete: true }
}

/** a reset or a stall may be a busy moment of the server: it is asked once more */
function isVague({ end }: Answer): boolean {
  return end.kind === 'reset' || end.kind === 'stalled'
}

/**
 * Suites accepted of several lists, in the server's order over all of them. `how` chooses by the suite of the
 * ServerHello.
 */
export async function acceptedSuites(
  talks: Talks,
  lists: readonly (readonly number[])[],
  how: Elimination
): Promise<Accepted> {
  const found: Accepted[] = []
  for (const list of lists) found.push(await eliminate(talks, list, how))
  const chosen = found.flatMap((one) => one.chosen)
  const complete = found.every((one) => one.complete)
  if (!complete || found.filter((one) => one.chosen.length > 0).length < 2) return { chosen, complete }
  const again = await eliminate(talks, chosen, how)
  return again.chosen.length === chosen.length ? again : { chosen, complete }
}

/** Whose preference decides between these, which were chosen in this order: told by offering them reversed. */
export async function whoseOrder(
  talks: Talks,
  chosen: readonly number[],
  how: Elimination
): Promise<'server' | 'client' | null> {
  if (chosen.length < 2) return null
  const answer = await talks.ask(how.offer(chosen.toReversed()), how.reading)
  const choice = answer && how.choiceOf(answer)
  if (choice === chosen[0]) return 'server'
  return choice === chosen.at(-1) ? 'client' : null
}
