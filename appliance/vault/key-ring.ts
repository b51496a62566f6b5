import type { Secret } from '../../core/secret.ts'
import type { Owner, Vault } from './vault.ts'

const field = 'key'

/**
 * The keys of one kind of owner, by the owner's name: what issuers and the engine take to keep keys in. Everything is
 * on the disk when a function returns, also as part of a durable transaction of the store.
 */
export function keyRing(vault: Pick<Vault, 'has' | 'get' | 'add' | 'drop'>, kind: Owner['kind']) {
  const owner = (name: string): Owner => ({ kind, id: name })
  return {
    /** the key, or null when there is none of the name */
    read: (name: string): Secret | null =>
      vault.has(owner(name), field) ? vault.get(owner(name), field) : null,
    /** keeps a key; throws secret-exists */
    keep: (name: string, key: Secret): void => vault.add(owner(name), field, key),
    /** forgets a key, also one that is gone already */
    drop: (name: string): void => void vault.drop(owner(name))
  }
}
