import { Fault } from '../../core/fault.ts'
import type { EngineContext } from './context.ts'
import type { Profile } from './profile.ts'
import { connectorOf } from './sessions.ts'

/** Can the device make keys, and does the issuer take a request for one? Throws key-place. */
export function checkDeviceKeys(deps: EngineContext, device: number, profile: Profile): void {
  const row = deps.store.devices.get(device)
  const { traits, title } = connectorOf(deps, row)
  if (traits.deviceKeys === undefined) {
    const message = `device ${row.name} (${title}): keys cannot be made there; use a profile with keyPlace here`
    throw new Fault('key-place', message, { device: row.name })
  }
  checkKeyIssuer(deps, profile)
}

/** Does the issuer of a profile take a request for a key that it has not made? Throws key-place, issuer-missing. */
export function checkKeyIssuer(deps: EngineContext, { issuer }: Profile): void {
  if (deps.issuer(issuer).keyFrom === 'request') return
  const message = `issuer ${issuer}: its certificates come with their keys; use a profile with keyPlace here`
  throw new Fault('key-place', message, { issuer })
}

/** A key that never leaves its device can serve no other one. */
export function severalTargets(): Fault {
  const message =
    'with keyPlace device the key serves one target only: ask for one event for each, or use a profile with keyPlace here'
  return new Fault('key-place', message)
}
