import { parseAddress } from '../../core/address.ts'
import type { Exclusions } from '../../sensor/scan/targets/exclusions.ts'
import { hasPort } from '../../sensor/scan/targets/ports.ts'

/** May this host, a name or an address, not be touched at the port? */
export function spares(exclusions: Exclusions, host: string, port: number): boolean {
  const address = parseAddress(host)
  if (address !== undefined) return exclusions.covers(address, port, null)
  return hasPort(exclusions.portsOfName(host), port)
}
