import type { Clock } from '../../core/clock.ts'
import { isJudgedBy } from '../../sensor/inventory/basis.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Progress } from '../functions.ts'
import { rootsId, type TrustRoots } from '../trust-roots.ts'
import { createMeter } from './progress.ts'

/** What judging again works with. */
interface JudgedDeps {
  readonly store: Store
  readonly clock: Clock
  /** hears how far it has come where it takes its time; null: it is done */
  readonly tell: (progress: Progress | null) => void
}

/** What takes less is over before anybody wonders, milliseconds. */
const patienceMs = 500

/**
 * Judges what is kept again where it was judged by other roots or other rules, so that what is shown next is true by
 * these. What does the work is loaded only then.
 */
export async function judgeBy(roots: TrustRoots, { store, clock, tell }: JudgedDeps): Promise<void> {
  if (isJudgedBy(store, rootsId(roots))) return
  const [{ refreshFindings }, { openTrust }] = await Promise.all([
    import('../../sensor/inventory/refresh.ts'),
    import('./trust.ts')
  ])
  const begun = clock.ticks()
  let meter: ReturnType<typeof createMeter> | undefined
  let before = 0
  const heard = (done: number, size: number) => {
    meter ??= createMeter(clock, { size, done: 0 })
    meter.add(done - before, 0)
    before = done
    const progress = { ...meter.read('judging what is known by other roots or rules'), found: null }
    if (clock.ticks() - begun >= patienceMs) tell(progress)
  }
  await refreshFindings({ store, clock, trust: openTrust(roots), tell: heard })
  tell(null)
}
