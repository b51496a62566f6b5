import { formatEndpoint } from '../../../core/address.ts'
import { Fault } from '../../../core/fault.ts'
import type { FoundPlace, Label, Labelled } from '../../functions.ts'
import { readFound } from '../found.ts'
import type { Session } from '../session.ts'
import { counted, figure } from '../words.ts'

/** Adds and removes tags. */
export async function tagEndpoints(
  { screen, functions }: Session,
  places: readonly string[],
  { add = [], remove = [] }: { readonly add?: readonly string[]; readonly remove?: readonly string[] }
): Promise<void> {
  if (add.length + remove.length === 0) {
    throw new Fault('option-malformed', 'Neither --add nor --remove is given: name a tag.')
  }
  screen.note(metText(await (await functions()).label(places.map((place) => ({ place, add, remove })))))
}

/** Sets or takes away the owner. */
export async function ownEndpoints(
  { screen, functions }: Session,
  places: readonly string[],
  { set, none }: { readonly set?: string; readonly none?: boolean }
): Promise<void> {
  if (set === undefined && none !== true) {
    throw new Fault('option-malformed', 'Neither --set nor --none is given: name an owner.')
  }
  screen.note(
    metText(await (await functions()).label(places.map((place) => ({ place, owner: set ?? null }))))
  )
}

/** Sets owners and tags from a table. */
export async function importLabels({ screen, functions }: Session, file: string): Promise<void> {
  const labels = (await readFound('csv', [file])).map(labelOf)
  const met = await (await functions()).label(labels)
  screen.note(`${counted(labels.length, 'row')} read; ${metText(met)}`)
}

/** What a row of the table says; empty cells change nothing. */
function labelOf({ address, name, port, owner, tags }: FoundPlace): Label {
  const host = address ?? name ?? ''
  return {
    place: port === null ? host : formatEndpoint(host, port),
    ...(address === null || name === null ? {} : { name }),
    ...(tags.length > 0 ? { add: tags } : {}),
    ...(owner === null ? {} : { owner })
  }
}

function metText(labelled: readonly Labelled[]): string {
  const sum = (of: (one: Labelled) => number) => labelled.reduce((total, one) => total + of(one), 0)
  const changed = sum((one) => one.changed)
  const same = sum((one) => one.met) - changed
  const none = labelled.filter(({ met }) => met === 0).length
  const parts = [`${counted(changed, 'endpoint')} changed${same > 0 ? `, ${figure(same)} as before` : ''}.`]
  if (none > 0) parts.push(`${counted(none, 'place')} without any endpoint.`)
  return parts.join(' ')
}
