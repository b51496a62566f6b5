import type { Clock } from '../../core/clock.ts'
import type { Progress } from '../functions.ts'
import type { Screen } from './screen.ts'
import { atMoment, duration, figure } from './words.ts'

const plainEach = 10_000

/** One line about a running scan: done, rate, found, time left. */
export function progressText({ done, size, found, rate, leftMs, instead, opensAt }: Progress): string {
  const share = size > 0 ? Math.floor((done / size) * 100) : 100
  const parts = [`${figure(done)} of ${figure(size)} (${share} %)`, `${figure(Math.round(rate))}/s`]
  if (found !== null) parts.push(`${figure(found)} found`)
  if (opensAt !== null) parts.push(waitingText(opensAt))
  else if (instead !== null) parts.push(instead)
  else if (leftMs !== null) parts.push(`${duration(leftMs)} left`)
  return parts.join(' · ')
}

function waitingText(opensAt: number): string {
  return `waiting for the window of time${Number.isFinite(opensAt) ? `, until ${atMoment(opensAt)}` : ''}`
}

/**
 * Shows progress: a line that stays in place on a terminal, else a plain line each ten seconds. While a window of
 * time is waited for nothing changes, so that is said once.
 */
export function showProgress(screen: Screen, clock: Clock): (progress: Progress) => void {
  let last = clock.ticks()
  let waited: number | null = null
  return (progress) => {
    if (screen.watched) return screen.status(progressText(progress))
    const { opensAt } = progress
    const begins = opensAt !== null && opensAt !== waited
    waited = opensAt
    if (!begins && (opensAt !== null || clock.ticks() - last < plainEach)) return
    last = clock.ticks()
    screen.note(progressText(progress))
  }
}
