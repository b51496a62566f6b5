import type { Binding } from '../../connectors/contract.ts'
import { formatEndpoint, parseAddress } from '../../core/address.ts'
import type { Store } from '../../sensor/store/store.ts'

/** Where the last scan saw another certificate than a device says is bound: sentences. */
export function driftOf(store: Store, { slots, served }: Pick<Binding, 'slots' | 'served'>): string[] {
  const bound = new Set(slots.map(({ fingerprint }) => fingerprint))
  if (bound.size === 0) return []
  return served.flatMap(({ address, port, name }) => {
    const parsed = parseAddress(address)
    const known = parsed === undefined ? undefined : store.endpoints.find({ address: parsed, port, name })
    if (!known?.present) return []
    const at = `${formatEndpoint(address, port)}${name === null ? '' : ` (${name})`}`
    return leavesOf(store, known.state)
      .filter((fingerprint) => !bound.has(fingerprint))
      .map((fingerprint) => `${at}: the last scan saw ${fingerprint.slice(0, 16)} there`)
  })
}

/** the leaf of each chain that an endpoint showed */
function leavesOf({ states, chains, certificates }: Store, state: number): string[] {
  const { chain = null, otherChain = null } = states.byId(state) ?? {}
  return [chain, otherChain].flatMap((id) => {
    const leaf = id === null ? undefined : chains.byId(id)?.leaf
    return (leaf === undefined ? undefined : certificates.byId(leaf)?.fingerprint) ?? []
  })
}
