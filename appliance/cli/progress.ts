import type { Clock } from '../../core/clock.ts'
import type { Progress } from '../functions.ts'
import type { Screen } from './screen.ts'
import { duration, figure } from './words.ts'

const plainEach = 10_000

/** One line about a running scan: done, rate, found, time left. */
export function progressText({ done, size, found, rate, leftMs, instead }: Progress): string {
  const share = size > 0 ? Math.floor((done / size) * 100) : 100
  const parts = [`${figure(done)} of ${figure(size)} (${share} %)`, `${figure(Math.round(rate))}/s`]
  if (found !== null) parts.push(`${figure(found)} found`)
  if (instead !== null) parts.push(instead)
  if (instead === null && leftMs !== null) parts.push(`${duration(leftMs)} left`)
  return parts.join(' · ')
}

/** Shows progress: a line that stays in place on a terminal, else a plain line each ten seconds. */
export function showProgress(screen: Screen, clock: Clock): (progress: Progress) => void {
  let last = clock.ticks()
  return (progress) => {
    if (screen.watched) return screen.status(progressText(progress))
    if (clock.ticks() - last < plainEach) return
    last = clock.ticks()
    screen.note(progressText(progress))
  }
}
