import type { Clock } from '../../../core/clock.ts'
import { checkedToken, checkType, type Solver, wellKnownPath } from './solver.ts'

/** Where answers are written: a web server that a connector reaches. */
export interface HttpFilePlace {
  /** folder that the web server shows at the root of port 80, without a final slash */
  readonly webRoot: string
  /** Writes a text file, readable by the web server, and makes the folders that are missing. */
  put(path: string, text: string, signal: AbortSignal): Promise<void>
  /** Removes a file; one that is gone is fine. */
  remove(path: string, signal: AbortSignal): Promise<void>
}

/** Answers http-01 by a file below the web root. Faults: challenge-unfit, and those of the place. */
export function httpFileSolver(place: HttpFilePlace, clock: Clock): Solver {
  const pathOf = (challenge: { token: string }) =>
    `${place.webRoot.replace(/\/+$/, '')}${wellKnownPath}${checkedToken(challenge)}`
  return {
    type: 'http-01',
    async present(challenge, signal) {
      checkType(challenge, 'http-01')
      await place.put(pathOf(challenge), challenge.keyAuthorization, signal)
      return { visibleAt: clock.now() }
    },
    cleanup: (challenge, signal) => place.remove(pathOf(challenge), signal)
  }
}
