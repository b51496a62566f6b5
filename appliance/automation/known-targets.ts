import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { tried } from '../../sensor/automation/context.ts'
import type { TargetName } from '../../sensor/automation/requests.ts'
import { bindingsOf } from './devices.ts'
import type { Site } from './site.ts'

/** What is known of a place on a device. */
export type Known =
  | 'there'
  /** the device has none of the name */
  | { readonly state: 'missing'; readonly near: readonly string[] }
  /** the device could not be asked */
  | { readonly state: 'unasked'; readonly why: string }

/** what a device has said is believed that long; what it has not said is asked for anew */
const believedMs = 60_000
/** one that could not be asked is not asked for each of many targets */
const restMs = 10_000

/**
 * Is there such a place? One that is managed, or was changed before, is there; for others their device is asked. Throws
 * device-missing.
 */
export async function knownTarget(site: Site, { device: name, target }: TargetName): Promise<Known> {
  const { store, clock, listings } = site
  const { id } = store.devices.named(name)
  if (store.managedTargets.at(id, target) || store.deployments.last(id, target)?.live) return 'there'
  const before = listings.get(id)
  const age = clock.ticks() - (before?.at ?? -Infinity)
  if (before?.targets.has(target) && age < believedMs) return 'there'
  if (before?.unasked && age < restMs) return { state: 'unasked', why: before.unasked }
  const listed = await tried(() => bindingsOf(site, name, new AbortController().signal))
  if ('fault' in listed) {
    const why = listed.fault.message
    listings.set(id, { targets: new Set(), at: clock.ticks(), unasked: why })
    return { state: 'unasked', why }
  }
  const targets = new Set(listed.value.map((one) => one.target))
  listings.set(id, { targets, at: clock.ticks(), unasked: null })
  return targets.has(target) ? 'there' : { state: 'missing', near: nearNames(target, [...targets]) }
}

/** Throws target-missing for the first that its device has not, with what it may have been meant to be. */
export async function checkTargets(site: Site, targets: readonly TargetName[]): Promise<void> {
  for (const one of targets) {
    const known = await knownTarget(site, one)
    // a device that cannot be asked now says it in the plan
    if (known !== 'there' && known.state === 'missing') throw missing(one, known.near)
  }
}

/** The fault of a place that is not there. */
export function missing({ device, target }: TargetName, near: readonly string[]): Fault {
  const meant = near.length > 0 ? ` Near it: ${near.map((one) => `${device}/${one}`).join(', ')}.` : ''
  const message = `target ${device}/${visible(target, 200)}: device ${device} has no such place.${meant} See tlsward device discover ${device}.`
  return new Fault('target-missing', message, { device, target, near })
}

/** how much of a name must be the same from both of its ends */
const nearShare = 0.6
const mostNear = 3

/** Names that begin and end as one does: a slip of the pen, or the same file of another program. */
export function nearNames(name: string, known: readonly string[]): string[] {
  return known
    .map((one) => ({ one, share: sameEnds(name, one) / Math.max(name.length, one.length) }))
    .filter(({ share }) => share >= nearShare)
    .sort((a, b) => b.share - a.share)
    .slice(0, mostNear)
    .map(({ one }) => one)
}

function sameEnds(a: string, b: string): number {
  const most = Math.min(a.length, b.length)
  let begin = 0
  while (begin < most && a[begin] === b[begin]) begin++
  let end = 0
  while (end < most - begin && a.at(-1 - end) === b.at(-1 - end)) end++
  return begin + end
}
