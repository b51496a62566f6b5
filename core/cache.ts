/**
 * A map that stays small: it holds the entries of the two last generations of at most `limit` each, so that
 * the ones in use survive and memory stays flat however many keys go through.
 */
export interface Cache<K, V> {
  get(key: K): V | undefined
  set(key: K, value: V): void
  clear(): void
}

/** An empty cache that holds between `limit` and twice `limit` entries once it is full. */
export function createCache<K, V>(limit: number): Cache<K, V> {
  let young = new Map<K, V>()
  let old = new Map<K, V>()
  const set = (key: K, value: V) => {
    if (young.size >= limit) {
      old = young
      young = new Map()
    }
    young.set(key, value)
  }
  return {
    set,
    get(key) {
      const fresh = young.get(key)
      if (fresh !== undefined) return fresh
      const kept = old.get(key)
      if (kept !== undefined) set(key, kept)
      return kept
    },
    clear() {
      young = new Map()
      old = new Map()
    }
  }
}
