import { describeSizes } from '../../../sensor/scan/targets/sizes.ts'
import type { Scope } from '../../functions.ts'
import { ask } from '../ask.ts'
import type { Screen } from '../screen.ts'
import { figure } from '../words.ts'

/** Shows how much a scan is about to do; gives whether a size over the limit is meant (--yes, or a yes). */
export async function confirmed(screen: Screen, scope: Scope, yes: boolean): Promise<boolean> {
  for (const note of scope.notes) screen.note(screen.paintNote('warn', note))
  screen.note(describeSizes(scope, scope.perSecond))
  if (yes || scope.pairs <= scope.maxTargets) return yes
  return (await ask(`That is more than ${figure(scope.maxTargets)}. Scan them all?`)) === true
}
