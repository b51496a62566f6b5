import PQueue from 'p-queue'

/** Has those who work under the same name do it one after the other. */
export type NameTurns = ReturnType<typeof createNameTurns>

/** Turns for names that are taken, changed and given up. */
export function createNameTurns() {
  const queues = new Map<string, PQueue>()
  return async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const queue = queues.get(name) ?? new PQueue({ concurrency: 1 })
    queues.set(name, queue)
    try {
      return await queue.add(work)
    } finally {
      if (queue.size === 0 && queue.pending === 0) queues.delete(name)
    }
  }
}
