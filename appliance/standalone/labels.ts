import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { parseExclusion } from '../../sensor/scan/targets/parse.ts'
import { allPorts, expandPorts } from '../../sensor/scan/targets/ports.ts'
import type { RangeTarget } from '../../sensor/scan/targets/target.ts'
import type { Ownership } from '../../sensor/store/ownership.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Label } from '../functions.ts'

/** Sets tags and owners, all or nothing; gives the number of endpoints that each label met. */
export function applyLabels(store: Store, labels: readonly Label[], now: number): number[] {
  const read = labels.map((label) => ({ label, range: placeOf(label.place) }))
  return store.transaction(() => read.map(({ label, range }) => applyLabel(store, label, { range, now })))
}

interface Where {
  readonly range: RangeTarget
  readonly now: number
}

function applyLabel(store: Store, label: Label, { range, now }: Where): number {
  const ownership = ownershipOf(label)
  const { first, last, ports } = range
  if (first !== last) {
    const each = ports === null ? [undefined] : expandPorts(ports)
    return each.reduce<number>((met, port) => {
      const filter = {
        presence: 'any',
        network: { first, last },
        ...(port === undefined ? {} : { port })
      } as const
      return met + store.ownership.setWhere(filter, now, ownership)
    }, 0)
  }
  const each = ports === null || ports === allPorts ? [null] : expandPorts(ports)
  return each.reduce<number>(
    (met, port) => met + store.ownership.setAt({ address: first, port, name: label.name ?? null }, ownership),
    0
  )
}

function ownershipOf({ add, remove, owner }: Label): Ownership {
  return {
    ...(add && add.length > 0 ? { addTags: add } : {}),
    ...(remove && remove.length > 0 ? { removeTags: remove } : {}),
    ...(owner === undefined ? {} : { owner })
  }
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
