import type { Store } from '../../sensor/store/store.ts'

/**
 * A store that tells each thing the engine keeps of an event, once it is on the disk: `event issuing`, `order issued`,
 * `deployment verifying`, and entries of the journal as `done switch` and `undone switch`.
 */
export function withMoments(store: Store, at: (moment: string) => void): Store {
  const kept: string[] = []
  const { journal, eventHistory } = store
  return {
    ...store,
    journal: {
      ...journal,
      add(row) {
        journal.add(row)
        kept.push(`${row.what} ${row.step}`)
      }
    },
    eventHistory: {
      ...eventHistory,
      add(entry) {
        eventHistory.add(entry)
        const kind = entry.deployment !== null ? 'deployment' : entry.order !== null ? 'order' : 'event'
        kept.push(`${kind} ${entry.state}`)
      }
    },
    durable<T>(work: () => T): T {
      kept.length = 0
      const value = store.durable(work)
      for (const moment of kept.splice(0)) at(moment)
      return value
    }
  }
}
