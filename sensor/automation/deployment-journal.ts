import type { Journal } from '../../connectors/contract.ts'
import type { JournalRow } from '../store/journal.ts'
import type { EngineContext } from './context.ts'

/** The journal of one deployment: each entry is on the disk before the connector goes on. */
export function journalOf(deps: EngineContext, deployment: number): Journal {
  const { store, clock, notice } = deps
  const { event } = store.deployments.get(deployment)
  let finished = finishedSteps(store.journal.of(deployment))
  const add = (step: string, what: JournalRow['what']) => {
    store.durable(() => store.journal.add({ deployment, step, what, at: clock.now() }))
    finished = finishedSteps(store.journal.of(deployment))
    notice.tell(event)
  }
  return {
    get finished() {
      return finished
    },
    done: (step) => add(step, 'done'),
    undone: (step) => add(step, 'undone')
  }
}

/** The steps that are done and not undone, in the order in which they were done. */
export function finishedSteps(rows: readonly Pick<JournalRow, 'step' | 'what'>[]): string[] {
  const finished = new Set<string>()
  for (const { step, what } of rows) {
    finished.delete(step)
    if (what === 'done') finished.add(step)
  }
  return [...finished]
}
