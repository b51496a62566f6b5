import { setImmediate } from 'node:timers/promises'
import type { Mark } from '../store/keys.ts'
import type { Store } from '../store/store.ts'
import { keyFindings } from './findings/key.ts'

/** Keys that one transaction looks at. */
const chunk = 200

const setting = 'key-use-known-until'

/** Before everything. */
const beginning: Mark = { endpoint: 0, history: 0 }

/**
 * Renews what is said of keys in several certificates or on many addresses. That depends on every endpoint, so it
 * is not kept up to date with each of them: it says how things stood when the last scan ran to its end. Only keys
 * are looked at whose certificates appeared or went at some endpoint since this was done last; they are walked in
 * small transactions, and one that is interrupted begins anew.
 */
export async function renewKeyFindings(store: Store): Promise<void> {
  const known = store.settings.get(setting)
  await renewFindingsSince(store, known === undefined ? beginning : (JSON.parse(known) as Mark))
}

/** The same for every key, whatever changed. */
export async function renewAllKeyFindings(store: Store): Promise<void> {
  await renewFindingsSince(store, beginning)
}

async function renewFindingsSince(store: Store, since: Mark): Promise<void> {
  // what is not in the order of expiry would not be counted
  store.transaction(() => store.endpoints.settle(1))
  const until = store.keys.gather(since)
  for (let after = ''; ;) {
    const keys = store.keys.gathered(after, chunk)
    store.transaction(() => {
      for (const key of keys) renewKey(store, key)
    })
    if (keys.length < chunk) break
    after = keys.at(-1) ?? ''
    await setImmediate()
  }
  store.settings.set(setting, JSON.stringify(until))
}

function renewKey(store: Store, key: string): void {
  const { served, unserved, addresses } = store.keys.use(key)
  const findings = keyFindings({ certificates: served.length, addresses })
  for (const { id } of served) store.findings.replace({ kind: 'key', id }, findings)
  for (const id of unserved) store.findings.replace({ kind: 'key', id }, [])
}
