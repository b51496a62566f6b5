import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { parseExclusion } from '../../sensor/scan/targets/parse.ts'
import { expandPorts } from '../../sensor/scan/targets/ports.ts'
import type { RangeTarget } from '../../sensor/scan/targets/target.ts'
import type { Applied, Ownership } from '../../sensor/store/ownership.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Label } from '../functions.ts'

/** Longest owner and tag, in characters. */
const longest = 200

/** Sets tags and owners, all or nothing; says of each label how many endpoints it met and changed. */
export function applyLabels(store: Store, labels: readonly Label[], now: number): Applied[] {
  const read = labels.map((label) => {
    const range = placeOf(label.place)
    const ports = range.ports === null ? [null] : expandPorts(range.ports)
    return { range, ports, name: label.name ?? null, ownership: ownershipOf(label) }
  })
  return store.transaction(() =>
    read.map(({ range, ports, name, ownership }) =>
      ports
        .map((port) => {
          const { first, last } = range
          if (first === last) return store.ownership.setAt({ address: first, port, name }, ownership)
          const network = { first, last }
          const filter = { presence: 'any', network, ...(port === null ? {} : { port }) } as const
          return store.ownership.setWhere(filter, now, ownership)
        })
        .reduce((sum, one) => ({ met: sum.met + one.met, changed: sum.changed + one.changed }))
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
  const tags = { addTags: add.map(checkedTag), removeTags: remove.map(checkedTag) }
  if (owner === undefined) return tags
  return { ...tags, owner: owner === null ? null : checkedOwner(owner) }
}

/** A tag as it is kept. Tables part tags by blanks and command lines by commas, so it holds neither. */
export function checkedTag(text: string): string {
  const tag = text.trim()
  if (tag !== '' && tag.length <= longest && !/[\s,]/.test(tag)) return tag
  throw wrongLabel('tag', text, `write 1 to ${longest} characters without blanks and commas`)
}

/** The name of an owner as it is kept, without blanks around it. */
export function checkedOwner(text: string): string {
  const owner = text.trim()
  if (owner !== '' && owner.length <= longest) return owner
  throw wrongLabel('owner', text, `write 1 to ${longest} characters`)
}

function wrongLabel(field: string, value: string, remedy: string): Fault {
  return new Fault('option-malformed', `${field} '${visible(value, 80)}': ${remedy}.`, { field, value })
}
