import type { HelloOffer } from '../probe/hello.ts'
import type { Answer, Reading, Talks } from './talks.ts'

/** Which of several things a server accepts, in the order in which it chose them. */
export interface Accepted<T> {
  readonly chosen: readonly T[]
  /** false when the probe was stopped, or the server fell silent, before it had refused what was left */
  readonly complete: boolean
}

/** How things are offered, and how an answer is read. */
export interface Elimination<T> {
  offer(left: readonly T[]): HelloOffer
  /** the one that an answer chooses, or null for a refusal */
  choiceOf(answer: Answer): T | null
  readonly reading: Reading
}

/** Offers all, takes away what the server chose, and so on until it refuses what is left. */
export async function eliminate<T>(
  talks: Talks,
  all: readonly T[],
  how: Elimination<T>
): Promise<Accepted<T>> {
  const chosen: T[] = []
  const left = [...all]
  let repeated = false
  while (left.length > 0) {
    const answer = await talks.ask(how.offer(left), how.reading)
    if (!answer) return { chosen, complete: false }
    const choice = how.choiceOf(answer)
    const at = choice === null ? -1 : left.indexOf(choice)
    if (at >= 0) chosen.push(...left.splice(at, 1))
    else if (repeated || !isVague(answer)) return { chosen, complete: answer.end.kind !== 'stalled' }
    else repeated = true
  }
  return { chosen, complete: true }
}

/** a reset or a stall may be a busy moment of the server: it is asked once more */
function isVague({ end }: Answer): boolean {
  return end.kind === 'reset' || end.kind === 'stalled'
}

/** The same for things that one hello cannot offer together, in the server's order over all of them. */
export async function eliminateLists<T>(
  talks: Talks,
  lists: readonly (readonly T[])[],
  how: Elimination<T>
): Promise<Accepted<T>> {
  const found: Accepted<T>[] = []
  for (const list of lists) found.push(await eliminate(talks, list, how))
  const chosen = found.flatMap((one) => one.chosen)
  const complete = found.every((one) => one.complete)
  if (!complete || found.filter((one) => one.chosen.length > 0).length < 2) return { chosen, complete }
  const again = await eliminate(talks, chosen, how)
  return again.chosen.length === chosen.length ? again : { chosen, complete }
}

/** Whose preference decides between these, which were chosen in this order: told by offering them reversed. */
export async function whoseOrder<T>(
  talks: Talks,
  chosen: readonly T[],
  how: Elimination<T>
): Promise<'server' | 'client' | null> {
  if (chosen.length < 2) return null
  const answer = await talks.ask(how.offer(chosen.toReversed()), how.reading)
  const choice = answer && how.choiceOf(answer)
  if (choice === chosen[0]) return 'server'
  return choice === chosen.at(-1) ? 'client' : null
}
