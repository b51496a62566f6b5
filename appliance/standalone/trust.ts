import { hash } from 'node:crypto'
import { openTrustStore } from '../../pki/trust-store.ts'
import type { Trust } from '../../sensor/inventory/judging.ts'
import type { Places } from '../places.ts'
import { readTrustRoots } from '../trust-roots.ts'

/** The roots of the system and one's own, opened for checking chains. */
export function openTrust(where: Places, authorities: readonly string[]): Trust {
  const { system, own } = readTrustRoots(where, authorities)
  const roots = openTrustStore([...system, ...own])
  const publicRoots = openTrustStore(system)
  const all = [...system, ...own].map((der) => hash('sha256', der, 'hex')).toSorted()
  return {
    roots,
    isPublic: (fingerprint) => publicRoots.has(fingerprint),
    id: hash('sha256', all.join(' '), 'hex')
  }
}
