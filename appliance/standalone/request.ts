import type { Hours } from '../../core/hours.ts'
import type { DialerChoice } from '../../sensor/scan/probe/open-dialer.ts'
import type { SweepOptions } from '../../sensor/scan/sweep.ts'
import type { ListText, Looks } from '../functions.ts'

/** Where more server names come from, once it is known where TLS answers. */
export interface Naming {
  /** lists in the form of a hosts file */
  readonly lists: readonly ListText[]
  readonly ptr: boolean
  readonly certificates: boolean
  /** names tried at one address at most */
  readonly limit: number
}

/** A scan as it is kept with its space: everything that going on with it takes. */
export interface StoredRequest {
  /** what was asked for, for people */
  readonly scope: string
  /** pairs */
  readonly size: number
  readonly options: SweepOptions
  readonly workers: number
  readonly dialer: DialerChoice
  readonly hours: Hours | null
  /** null: no further names are asked for */
  readonly naming: Naming | null
  /** are its names guesses, of which only those that are answered to are kept? */
  readonly guessed: boolean
  readonly looks: Looks
  readonly excluded: readonly ListText[]
  readonly doNotScan: readonly ListText[]
  readonly owner: string | null
  readonly tags: readonly string[]
}

/** The JSON of a scan's request, read back. It was written by this product, in a file of its own. */
export function storedRequest(json: string): StoredRequest {
  return JSON.parse(json) as StoredRequest
}
