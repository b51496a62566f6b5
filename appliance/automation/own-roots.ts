import type { Store } from '../../sensor/store/store.ts'

/** The roots of the own CAs of this installation, DER: what they sign is trusted here. Loads nothing that signs. */
export function ownRoots({ issuers }: Pick<Store, 'issuers'>): Uint8Array[] {
  return issuers.list().flatMap(({ kind, settings }) => {
    if (kind !== 'private-ca') return []
    const { root } = JSON.parse(settings) as { readonly root?: unknown }
    return typeof root === 'string' ? [Buffer.from(root, 'base64')] : []
  })
}
