import { openTrustStore } from '../../pki/trust-store.ts'
import type { Trust } from '../../sensor/inventory/judging.ts'
import { rootsId, type TrustRoots } from '../trust-roots.ts'

/** The roots of the system and one's own, opened for checking chains. */
export function openTrust(read: TrustRoots): Trust {
  const { system, own } = read
  const publicRoots = openTrustStore(system)
  return {
    roots: openTrustStore([...system, ...own]),
    isPublic: (fingerprint) => publicRoots.has(fingerprint),
    id: rootsId(read)
  }
}
