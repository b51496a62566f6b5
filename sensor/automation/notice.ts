/** Tells whoever watches an event in this process that something of it was kept. */
export interface Notice {
  /** something of the event was kept */
  tell(event: number): void
  /** hears of it each time, until the returned function is called */
  watch(event: number, heard: () => void): () => void
}

/** Makes the notice of one engine. Nothing is remembered: who watches looks at the store. */
export function createNotice(): Notice {
  const watchers = new Map<number, Set<() => void>>()
  return {
    tell(event) {
      for (const heard of watchers.get(event) ?? []) heard()
    },
    watch(event, heard) {
      const own = watchers.get(event) ?? new Set()
      watchers.set(event, own.add(heard))
      return () => {
        own.delete(heard)
        if (own.size === 0) watchers.delete(event)
      }
    }
  }
}
