import { Fault } from '../../core/fault.ts'
import { firstOf } from '../../core/text.ts'
import { checkProfileKeys, manageTarget } from '../../sensor/automation/requests.ts'
import { wholeProfile } from '../../sensor/automation/profile.ts'
import type { Profile } from '../automation-records.ts'
import { bindingsOf } from './devices.ts'
import { machineOf } from './device-access.ts'
import { missing, nearNames } from './known-targets.ts'
import { givenName, targetName, targetText } from './names.ts'
import { profileRecord } from './records.ts'
import { checkOwned } from './same-machine.ts'
import type { Site } from './site.ts'

/** Every profile, by name. */
export function profiles({ store }: Pick<Site, 'store'>): Profile[] {
  const managed = store.managedTargets.list()
  return store.profiles
    .list()
    .map((row) => profileRecord(row, managed.filter(({ profile }) => profile === row.id).length))
}

/**
 * Keeps a profile, in place of the one of its name; its targets are looked at anew. Faults: profile-malformed,
 * window-malformed, issuer-missing, key-place.
 */
export function putProfile({ store, clock, engine }: Site, name: string, content: unknown): Profile {
  const whole = wholeProfile(content)
  store.issuers.named(whole.issuer)
  checkProfileKeys(engine.context, name, whole)
  const now = clock.now()
  store.durable(() => {
    store.profiles.put(givenName('profile', name), JSON.stringify(whole), now)
    const { id } = store.profiles.named(name)
    for (const target of store.managedTargets.list()) {
      if (target.profile === id) store.managedTargets.setWake(target.id, now)
    }
  })
  const row = store.profiles.named(name)
  return profileRecord(row, store.managedTargets.list().filter(({ profile }) => profile === row.id).length)
}

/** Throws profile-missing, profile-used: with what uses it. */
export function removeProfile({ store }: Site, name: string): void {
  const { id } = store.profiles.named(name)
  const targets = store.managedTargets
    .list()
    .flatMap(({ profile, device, target }) =>
      profile === id ? targetText({ device: store.devices.get(device).name, target }) : []
    )
  const events = store.events.open().flatMap((one) => (one.profileName === name ? String(one.id) : []))
  const uses = [
    ...(targets.length > 0
      ? [
          `it renews ${firstOf(targets, 5)}: give them another with tlsward profile assign, or tlsward profile unassign`
        ]
      : []),
    ...(events.length > 0
      ? [
          `open events use it (${firstOf(events, 5)}): let them end, or take them back with tlsward events cancel`
        ]
      : [])
  ]
  if (uses.length > 0) {
    throw new Fault('profile-used', `profile ${name}: ${uses.join('; ')}`, { profile: name, targets, events })
  }
  store.durable(() => store.profiles.remove(name))
}

/**
 * Has targets renewed by themselves under a profile from now on, or not any more. Faults: device-missing,
 * profile-missing, target-missing, target-owned, device-managed-elsewhere, and those of reading the device.
 */
export async function assignProfile(
  site: Site,
  targets: readonly string[],
  profile: string | null
): Promise<void> {
  const { store, engine } = site
  const named = targets.map(targetName)
  if (profile === null) {
    store.durable(() => {
      for (const { device, target } of named) {
        store.managedTargets.remove(store.devices.named(device).id, target)
      }
    })
    return
  }
  store.profiles.named(profile)
  const never = new AbortController().signal
  for (const device of new Set(named.map((one) => one.device))) {
    const bindings = await bindingsOf(site, device, never)
    const machine = machineOf(store, store.devices.named(device))
    for (const { target } of named.filter((one) => one.device === device)) {
      const binding = bindings.find((one) => one.target === target)
      if (!binding) {
        const near = bindings.map((one) => one.target)
        throw missing({ device, target }, nearNames(target, near))
      }
      checkOwned(store, machine, target)
      manageTarget(engine.context, { device, target, profile, binding })
    }
  }
}
