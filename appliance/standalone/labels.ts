import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { parseExclusion } from '../../sensor/scan/targets/parse.ts'
import type { Ownership, Place } from '../../sensor/store/ownership.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Label } from '../functions.ts'

/** Longest owner and tag, in characters. */
const longest = 200

/** Sets tags and owners, all or nothing; gives the number of endpoints that each label met. */
export function applyLabels(store: Store, labels: readonly Label[]): number[] {
  const read = labels.map((label) => ({ places: placesOf(label), ownership: ownershipOf(label) }))
  return store.transaction(() =>
    read.map(({ places, ownership }) =>
      places.reduce((met, place) => met + store.ownership.setAt(place, ownership), 0)
    )
  )
}

/** The places of a label: one for each range of ports. */
function placesOf({ place, name }: Label): Place[] {
  const target = parseExclusion(place)
  if (target.kind === 'range') {
    const addresses = { first: target.first, last: target.last }
    const ranges = target.ports ?? [null]
    return ranges.map((range) => ({
      addresses,
      ports: range && { first: range[0], last: range[1] },
      name: name ?? null
    }))
  }
  throw new Fault(
    'target-malformed',
    `place "${visible(place, 80)}" is a name: endpoints are known by address. Write an address, address:port, network or range.`,
    { field: 'place', value: place }
  )
}

function ownershipOf({ add = [], remove = [], owner }: Label): Ownership {
  for (const text of [...add, ...remove, ...(typeof owner === 'string' ? [owner] : [])]) {
    if (text.trim() !== '' && text.length <= longest) continue
    throw new Fault('option-malformed', `label '${visible(text, 80)}': write 1 to ${longest} characters.`, {
      field: 'label',
      value: text
    })
  }
  return { addTags: add, removeTags: remove, ...(owner === undefined ? {} : { owner }) }
}
