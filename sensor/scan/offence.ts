import type { Address } from '../../core/address.ts'
import type { Outcome } from './observation.ts'

/** resets in a row, on as many ports, after which a host is believed to reset everything */
const resetsOfAll = 24
/** bytes of certificates that one address may make a scan keep: 60 of the largest chains, thousands of usual ones */
const chainBytes = 16_777_216
/** addresses that are remembered for either */
const remembered = 65_536

/**
 * What hosts do against the scan, by address. Firewalls that accept every connection and reset it would hold a
 * scan for days if each port were tried; servers that show a new certificate each time would fill the disk.
 */
export class Offences {
  readonly #resets = new Map<Address, number>()
  readonly #bytes = new Map<Address, number>()

  /** A pair of the host was probed with this outcome. */
  saw(address: Address, outcome: Outcome): void {
    if (outcome === 'reset') this.#add(this.#resets, address, 1)
    else if (this.#resets.size > 0 && outcome !== 'closed' && outcome !== 'silent')
      this.#resets.delete(address)
  }

  /** Has the host reset so often that nothing else is to be expected of its other ports? */
  resetsAll(address: Address): boolean {
    return this.#resets.size > 0 && (this.#resets.get(address) ?? 0) >= resetsOfAll
  }

  /** May certificates of so many bytes, which were not seen before, be kept from the host? */
  affords(address: Address, bytes: number): boolean {
    return bytes === 0 || this.#add(this.#bytes, address, bytes) <= chainBytes
  }

  #add(sums: Map<Address, number>, address: Address, amount: number): number {
    const sum = (sums.get(address) ?? 0) + amount
    if (sums.size >= remembered) sums.clear()
    sums.set(address, sum)
    return sum
  }
}
