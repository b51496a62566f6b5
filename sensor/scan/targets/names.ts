import { type Address, formatAddress, parseAddress } from '../../../core/address.ts'
import { Fault } from '../../../core/fault.ts'
import { visible } from '../../../core/text.ts'
import { hostName } from './host-name.ts'
import { atLine, type Lines, readWords } from './target-list.ts'

/** Server names that somebody wrote down. */
export interface NameList {
  /** names to try at an address */
  readonly byAddress: ReadonlyMap<Address, readonly string[]>
  /** names to try at every address */
  readonly everywhere: readonly string[]
}

/** Where candidate names come from, and how many are tried. */
export interface NameSources {
  readonly list: NameList
  /** names of the certificates that were seen at an address; servers write them, and no more are taken than wanted */
  readonly namesSeenAt: (address: Address) => Iterable<string>
  /** PTR names of an address; null when nobody asked for them */
  readonly reverse: ((address: string) => Promise<readonly string[]>) | null
  /** may this name not be asked for there (exclusions)? */
  readonly excluded: (address: Address, name: string) => boolean
  /** candidates per address at most */
  readonly limit: number
}

/**
 * Names in the form of a hosts file, `address name name…`; a line of names without an address means: try them
 * everywhere. Throws `target-malformed` with the line, and `target-too-large` when more than `limit` names are
 * to be tried everywhere, since some would never be.
 */
export async function readNames(lines: Lines, source: string, limit: number): Promise<NameList> {
  const byAddress = new Map<Address, string[]>()
  const everywhere = new Set<string>()
  for await (const { words, line } of readWords(lines)) {
    atLine(source, line, () => {
      const [head = '', ...rest] = words
      const address = parseAddress(head)
      const names = (address === undefined ? words : rest).map(wantedName)
      if (address === undefined) for (const name of names) everywhere.add(name)
      else byAddress.set(address, [...(byAddress.get(address) ?? []), ...namesOf(head, names)])
      if (everywhere.size > limit) throw tooMany(limit)
    })
  }
  return { byAddress, everywhere: [...everywhere] }
}

function wantedName(text: string): string {
  const name = candidateName(text)
  if (name !== undefined) return name
  const shown = visible(text, 80)
  const message = `name "${shown}" is neither an address nor a host name. Write: address name name…, or names alone.`
  throw new Fault('target-malformed', message, { field: 'name', value: shown })
}

function namesOf(address: string, names: readonly string[]): readonly string[] {
  if (names.length > 0) return names
  throw new Fault('target-malformed', `address "${address}" has no name. Write: address name name…`, {
    field: 'name',
    value: address
  })
}

function tooMany(limit: number): Fault {
  const message =
    `names: more than ${limit} names without an address, which would all be tried at every endpoint. ` +
    'Write the address before its names, or raise --max-names.'
  return new Fault('target-too-large', message, { field: 'names', limit })
}

/**
 * The server names worth trying at an address, best source first: the list, certificates seen there, PTR, names
 * for everywhere. Normalised, each once, at most `limit`, without excluded names.
 */
export function candidateNames(sources: NameSources): (address: Address) => Promise<readonly string[]> {
  const { list, namesSeenAt, reverse, excluded, limit } = sources
  return async (address) => {
    const pointers = reverse === null ? [] : await reverse(formatAddress(address)).catch(() => [])
    const names = new Set<string>()
    for (const source of [
      list.byAddress.get(address) ?? [],
      namesSeenAt(address),
      pointers,
      list.everywhere
    ]) {
      for (const one of source) {
        if (names.size >= limit) return [...names]
        const name = candidateName(one)
        if (name !== undefined && !excluded(address, name)) names.add(name)
      }
    }
    return [...names]
  }
}

/**
 * The name to send for a name that was found; undefined when it is none (an address, an e-mail address). For a
 * wildcard `*.a.example` that is `www.a.example`: any label would match, and this one is most often set up.
 */
export function candidateName(text: string): string | undefined {
  return hostName(text.startsWith('*.') ? `www.${text.slice(2)}` : text)
}
