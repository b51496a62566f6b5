import { formatAddress, formatEndpoint, parseAddress } from '../../../core/address.ts'

/** Which names a certificate is to have. */
export type NameRule =
  /** those of the certificates that the targets hold now */
  | { readonly rule: 'served' }
  /** these, whatever is held now */
  | { readonly rule: 'exactly'; readonly names: readonly string[] }
  /** these, and those that are held now */
  | { readonly rule: 'served-plus'; readonly names: readonly string[] }

/** The names to ask for, each once, those of the rule first; `served` are those that the targets hold now. */
export function wantedNames(rule: NameRule, served: readonly string[]): string[] {
  if (rule.rule === 'exactly') return unique(rule.names)
  return unique(rule.rule === 'served-plus' ? [...rule.names, ...served] : served)
}

/** Does a certificate with these names cover a host, an address, or a wildcard as such? */
export type Covers = (names: readonly string[], host: string) => boolean

/** What a target holds and where it is served, as far as names go. */
export interface NamedTarget {
  /** kinds of key that are replaced */
  readonly families: readonly string[]
  readonly before: readonly { readonly family: string; readonly names: readonly string[] }[]
  readonly served: readonly {
    readonly address: string
    readonly port: number
    readonly name: string | null
  }[]
  readonly shares: readonly { readonly what: string; readonly names: readonly string[] }[]
}

/** A name by which clients come to a target, and which its new certificate does not cover. */
export interface UncoveredName {
  readonly name: string
  /** `lost`: the certificate that is there covers it; `bare`: that one does not either */
  readonly state: 'lost' | 'bare'
  /** endpoints and other users of the object; empty: it stands in the certificate that is there, and nowhere else */
  readonly where: readonly string[]
}

/** Every name by which clients come to a target and which a certificate with `names` would not cover. */
export function uncoveredNames(
  target: NamedTarget,
  names: readonly string[],
  covers: Covers
): UncoveredName[] {
  const known = new Map<string, Set<string>>()
  const note = (name: string, where: string | null) => {
    for (const one of asked(name)) {
      const places = known.get(one) ?? new Set()
      if (where !== null) places.add(where)
      known.set(one, places)
    }
  }
  for (const { names: held } of target.before) held.forEach((name) => note(name, null))
  for (const { address, port, name } of target.served) {
    const place = formatEndpoint(address, port)
    if (name !== null) note(name, place)
    // who comes without a name comes by the address
    else for (const one of asked(address)) if (known.has(one)) note(one, place)
  }
  for (const { what, names: shared } of target.shares) shared.forEach((name) => note(name, what))
  const before = replacedNames(target)
  return [...known].flatMap(([name, where]): UncoveredName[] => {
    if (covers(names, name)) return []
    const state = before.some((held) => covers(held, name)) ? 'lost' : 'bare'
    return [{ name, state, where: [...where] }]
  })
}

/**
 * The names of each certificate that a new one takes the place of. A kind of key that is new to the target is offered
 * to clients of every other kind.
 */
function replacedNames({ families, before }: NamedTarget): readonly (readonly string[])[] {
  return families.flatMap((family) => {
    const same = before.filter((slot) => slot.family === family)
    return (same.length > 0 ? same : before).map(({ names }) => names)
  })
}

/** The form in which names are compared; none for patterns and placeholders of configurations. */
function asked(text: string): string[] {
  const name = text.trim().toLowerCase().replace(/\.$/, '')
  const address = parseAddress(name)
  if (address !== undefined) return [formatAddress(address)]
  if (name === '' || name === '_' || name.startsWith('~')) return []
  // nginx: the name and everything below it
  if (name.startsWith('.')) return asked(name.slice(1)).flatMap((one) => [one, `*.${one}`])
  return /[*?[\]]/.test(name.replace(/^\*\./, '')) ? [] : [name]
}

/** The places at which a certificate with these names can be proven: those whose name it covers, or that have none. */
export function provableAt<At extends { readonly name: string | null }>(
  places: readonly At[],
  names: readonly string[],
  covers: Covers
): At[] {
  return places.filter(({ name }) => name === null || covers(names, name))
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)]
}
