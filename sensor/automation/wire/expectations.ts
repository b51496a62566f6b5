import type { KeyFamily, ServedAt } from '../../../connectors/contract.ts'
import type { Baseline, Look, WireQuestion, WireVersion } from '../ports.ts'

/** One thing that must be seen at a place. */
export interface Need {
  readonly family: KeyFamily
  /** `all`: in each of these versions; `any`: in one of them */
  readonly versions: readonly WireVersion[]
  readonly in: 'all' | 'any'
  /** SHA-256 of the leaf, hex */
  readonly leaf: string
  /** certificates that must come with it; empty: whatever comes */
  readonly chain: readonly string[]
}

/** What must be seen at one place. */
export interface Place {
  readonly at: ServedAt
  readonly part: 'served' | 'neighbour'
  readonly needs: readonly Need[]
  /** `must`: it is to answer; `may`: it did not before, and need not now */
  readonly answers: 'must' | 'may'
}

/** Every version in which certificates are proven. */
export const wireVersions: readonly WireVersion[] = ['TLSv1.3', 'TLSv1.2']
/** Every kind of key that is asked for. */
export const wireFamilies: readonly KeyFamily[] = ['rsa', 'ecdsa']

/**
 * What handshakes must show after a deployment. Where a place showed a certificate of a kind before, it shows the new
 * one in the same versions; a kind that is new to the target, in one version at least that the place speaks; a kind that
 * is not replaced stays, and so does all that neighbours show. A place that shows one kind only of those that the target
 * has (HAProxy to clients that send no name) goes on doing so. Places whose name the new certificates do not cover are
 * left out: whatever is shown there proves nothing.
 */
export function expectations({ baseline: all, fresh, role, covers }: WireQuestion): Place[] {
  const baseline = all.filter((look) => counts(look, covers))
  const anyAnswered = baseline.some(({ part, fingerprint }) => part === 'served' && fingerprint !== null)
  const known = new Set(
    baseline.flatMap((one) => (one.part === 'served' && one.fingerprint ? one.family : []))
  )
  return placesOf(baseline).map(({ at, part, looks }) => {
    const spoken = wireVersions.filter((version) =>
      looks.some((one) => one.version === version && one.fingerprint)
    )
    const replaced = part === 'served' ? fresh : []
    const needs = replaced.flatMap(({ family, chain }): Need | [] => {
      const shown = looks.filter((one) => one.family === family && one.fingerprint !== null)
      const [leaf = ''] = chain
      if (shown.length === 0 && spoken.length > 0 && known.has(family)) return []
      if (shown.length > 0)
        return { family, versions: shown.map(({ version }) => version), in: 'all', leaf, chain }
      return { family, versions: spoken.length > 0 ? spoken : wireVersions, in: 'any', leaf, chain }
    })
    const stays = looks.flatMap(({ family, version, fingerprint }): Need[] =>
      fingerprint === null || replaced.some((one) => one.family === family)
        ? []
        : [{ family, versions: [version], in: 'all', leaf: fingerprint, chain: [] }]
    )
    // where nothing answered before, something must now: else nothing is proven
    const silent = spoken.length === 0 && (part === 'neighbour' || anyAnswered || role === 'standby')
    return { at, part, needs: [...needs, ...stays], answers: silent ? 'may' : 'must' }
  })
}

/** Served places whose name the new certificates do not cover. */
export function uncoveredPlaces({ baseline, covers }: WireQuestion): ServedAt[] {
  return placesOf(baseline.filter((look) => !counts(look, covers))).map(({ at }) => at)
}

function counts({ at, part }: Look, covers: WireQuestion['covers']): boolean {
  return part === 'neighbour' || at.name === null || covers(at.name)
}

/** What handshakes must show after an undo: all that they showed before. */
export function formerState(baseline: Baseline): Place[] {
  return placesOf(baseline).map(({ at, part, looks }) => ({
    at,
    part,
    answers: 'must',
    needs: looks.flatMap(({ family, version, fingerprint }): Need[] =>
      fingerprint === null ? [] : [{ family, versions: [version], in: 'all', leaf: fingerprint, chain: [] }]
    )
  }))
}

function placesOf(baseline: Baseline) {
  const places = new Map<string, { at: ServedAt; part: 'served' | 'neighbour'; looks: Baseline[number][] }>()
  for (const look of baseline) {
    const { at, part } = look
    const key = JSON.stringify([at.address, at.port, at.name, at.starttls, part])
    const place = places.get(key) ?? { at, part, looks: [] }
    place.looks.push(look)
    places.set(key, place)
  }
  return [...places.values()]
}
