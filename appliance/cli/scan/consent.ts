import { Fault } from '../../../core/fault.ts'
import { describeSizes } from '../../../sensor/scan/targets/sizes.ts'
import type { Scope } from '../../functions.ts'
import { ask } from '../ask.ts'
import type { Screen } from '../screen.ts'
import type { Ending } from '../signals.ts'
import { figure } from '../words.ts'

/** How a size over the limit is confirmed. */
interface Confirming {
  /** --yes was said */
  readonly yes: boolean
  readonly ending: Ending
}

/**
 * Shows how much a scan is about to do; gives whether a size over the limit is meant (--yes, or a yes). Throws
 * `confirmation-needed` for a no.
 */
export async function confirmed(screen: Screen, scope: Scope, { yes, ending }: Confirming): Promise<boolean> {
  for (const note of scope.notes) screen.note(screen.paintNote('warn', note))
  if (scope.pairs === 0) return false
  const about = scope.about === null ? '' : `${scope.about[0]?.toUpperCase()}${scope.about.slice(1)}: `
  screen.note(`${about}${describeSizes(scope, scope)}`)
  if (yes || scope.pairs <= scope.maxTargets) return yes
  const answer = await ask(`That is more than ${figure(scope.maxTargets)}. Scan them all?`, ending)
  if (answer !== false) return answer === true
  if (!ending.signal.aborted) throw new Fault('confirmation-needed', 'Nothing was scanned.')
  screen.note('Nothing was scanned.')
  return false
}
