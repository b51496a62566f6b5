import { setImmediate } from 'node:timers/promises'
import type { Store } from '../store/store.ts'
import { keyFindings } from './findings/key.ts'

/** Keys that one transaction looks at. */
const chunk = 200

/**
 * Renews what is said of keys in several certificates or on many addresses. That depends on every endpoint, so
 * it is not kept up to date with each of them: it says how things stood when the last scan ran to its end. Keys
 * are walked in small transactions; the findings of each key are replaced at once.
 */
export async function renewKeyFindings(store: Store): Promise<void> {
  for (let after = ''; ;) {
    const keys = store.keys.after(after, chunk)
    if (keys.length === 0) return
    store.transaction(() => {
      for (const key of keys) renewKey(store, key)
    })
    after = keys.at(-1) ?? ''
    await setImmediate()
  }
}

function renewKey(store: Store, key: string): void {
  const { served, unserved, addresses } = store.keys.use(key)
  const findings = keyFindings({ certificates: served.length, addresses })
  for (const { id } of served) store.findings.replace({ kind: 'key', id }, findings)
  for (const id of unserved) store.findings.replace({ kind: 'key', id }, [])
}
