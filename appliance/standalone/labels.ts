import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { parseExclusion } from '../../sensor/scan/targets/parse.ts'
import { expandPorts } from '../../sensor/scan/targets/ports.ts'
import type { RangeTarget } from '../../sensor/scan/targets/target.ts'
import type { Ownership } from '../../sensor/store/ownership.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Label } from '../functions.ts'

/** Longest owner and tag, in characters. */
const longest = 200

/** Sets tags and owners, all or nothing; gives the number of endpoints that each label met. */
export function applyLabels(store: Store, labels: readonly Label[], now: number): number[] {
  const read = labels.map((label) => {
    const range = placeOf(label.place)
    const ports = range.ports === null ? [null] : expandPorts(range.ports)
    return { range, ports, name: label.name ?? null, ownership: ownershipOf(label) }
  })
  return store.transaction(() =>
    read.map(({ range, ports, name, ownership }) =>
      ports.reduce<number>((met, port) => {
        const { first, last } = range
        if (first === last) return met + store.ownership.setAt({ address: first, port, name }, ownership)
        const filter = {
          presence: 'any',
          network: { first, last },
          ...(port === null ? {} : { port })
        } as const
        return met + store.ownership.setWhere(filter, now, ownership)
      }, 0)
    )
  )
}

function placeOf(text: string): RangeTarget {
  const target = parseExclusion(text)
  if (target.kind === 'range') return target
  throw new Fault(
    'target-malformed',
    `place "${visible(text, 80)}" is a name: endpoints are known by address. Write an address, address:port, network or range.`,
    { field: 'place', value: text }
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
