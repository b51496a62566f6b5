import { type Address, formatAddress } from '../../../core/address.ts'
import { formatPorts, type Ports } from './ports.ts'

/** Every address from the first to the last, both included and of one family. */
export interface RangeTarget {
  readonly kind: 'range'
  readonly first: Address
  readonly last: Address
  /** ports of its own, or null for those of the scan */
  readonly ports: Ports | null
  /** what a person should know about how it was read, or null */
  readonly note: string | null
}

/** A host by its name, as {@link file://./host-name.ts} gives it; its addresses are not known yet. */
export interface NameTarget {
  readonly kind: 'name'
  readonly name: string
  readonly ports: Ports | null
}

/** One address that is asked for under a server name. */
export interface HostTarget {
  readonly kind: 'host'
  readonly address: Address
  readonly name: string
  readonly ports: Ports | null
}

/** A target that needs no resolver any more. */
export type ResolvedTarget = RangeTarget | HostTarget

/** What a scan is told to look at, or to spare. */
export type Target = ResolvedTarget | NameTarget

/** The shortest text that is read as this range or name. */
export function formatTarget(target: RangeTarget | NameTarget): string {
  const host = target.kind === 'name' ? target.name : formatRange(target.first, target.last)
  if (target.ports === null) return host
  return `${host.includes(':') ? `[${host}]` : host}:${formatPorts(target.ports)}`
}

/** The address alone, or `first-last`. */
export function formatRange(first: Address, last: Address): string {
  return first === last ? formatAddress(first) : `${formatAddress(first)}-${formatAddress(last)}`
}
