import { systemClock } from '../../core/clock.ts'
import { openTrustStore } from '../../pki/trust-store.ts'
import { chainOf } from '../../sensor/automation/held.ts'
import type { EngineDeps } from '../../sensor/automation/ports.ts'
import { importIssuer, type ShelvedCertificate } from '../../sensor/issuance/import.ts'
import type { Issuer } from '../../sensor/issuance/issuer.ts'
import { keyRing } from '../unit/issuance-world.ts'

/** An issuer that gives what an event had before, so that another one asks for the same certificates. */
export interface Shelf {
  readonly issuer: Issuer
  /** puts the certificates of an event there, with their keys */
  shelve(of: Pick<EngineDeps, 'store' | 'keys'>, event: number): void
}

/** Makes an empty one. */
export function openShelf(): Shelf {
  const shelved: ShelvedCertificate[] = []
  const keys = keyRing()
  const known = () => openTrustStore([])
  return {
    issuer: importIssuer({ shelf: () => shelved, keys, clock: systemClock, known }),
    shelve(of, event) {
      for (const order of of.store.orders.of(event)) {
        const key = `order:${order.id}`
        const pem = of.keys.read(key)
        if (pem) keys.keep(key, pem)
        shelved.push({ chain: chainOf(order), key })
      }
    }
  }
}
