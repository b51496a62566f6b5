import type { Address } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { parseExclusion } from '../../sensor/scan/targets/parse.ts'
import { expandPorts } from '../../sensor/scan/targets/ports.ts'
import type { EndpointRow } from '../../sensor/store/endpoint-pages.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { EndpointDetails } from '../functions.ts'
import { keptLook } from './kept-looks.ts'
import { endpointRecords } from './records.ts'

/** endpoints of one address and port that are shown: one for each server name */
const most = 1_000

/** What a person names: `address:port`, with `/name` only the endpoint of that server name. */
interface NamedPlace {
  readonly address: Address
  readonly port: number
  /** undefined: whatever the server name, and none */
  readonly name: string | undefined
}

/**
 * The endpoints at a place with what closer looks showed of them and of their certificates. A place where only SSH
 * was met has no endpoint. Throws `endpoint-missing` and the faults of targets.
 */
export function endpointDetails(store: Store, text: string, now: number): EndpointDetails[] {
  const place = placeOf(text)
  const { address, port, name } = place
  const filter = { presence: 'any', network: { first: address, last: address }, port } as const
  const rows = store.pages.page({ filter, order: 'address', limit: most, now }).rows
  const recordOf = endpointRecords(store, now)
  const shown = rows
    .filter((row) => name === undefined || row.name === name)
    .map((row) => ({
      endpoint: recordOf(row),
      looks: [...store.looks.at(row), ...looksAtCertificates(store, row)].map(keptLook)
    }))
  const known = new Set(rows.map((row) => row.name))
  const others = store.looks
    .namesAt(address, port)
    .filter((other) => !known.has(other) && (name === undefined || other === name))
    .map((other) => ({
      endpoint: null,
      looks: store.looks.at({ address, port, name: other }).map(keptLook)
    }))
  if (shown.length + others.length > 0) return [...shown, ...others]
  throw new Fault(
    'endpoint-missing',
    `endpoint ${visible(text, 120)}: none in the inventory. See tlsward inventory for those that are known.`,
    { field: 'endpoint', value: visible(text, 120) }
  )
}

function looksAtCertificates(store: Store, { chain, otherChain }: EndpointRow) {
  return [chain, otherChain].flatMap((id) => {
    const leaf = id === null ? undefined : store.chains.byId(id)?.leaf
    return leaf === undefined ? [] : store.looks.of(leaf)
  })
}

function placeOf(text: string): NamedPlace {
  const slash = text.indexOf('/')
  const [host, name] = slash < 0 ? [text] : [text.slice(0, slash), text.slice(slash + 1).toLowerCase()]
  const target = parseExclusion(host)
  const ports = target.kind === 'range' && target.ports !== null ? expandPorts(target.ports) : []
  const [port] = ports
  if (target.kind === 'range' && target.first === target.last && port !== undefined && ports.length === 1)
    return { address: target.first, port, name }
  throw new Fault(
    'target-malformed',
    `endpoint "${visible(text, 80)}": write ADDRESS:PORT, with /NAME for one server name. Names are found by tlsward inventory --search.`,
    { field: 'endpoint', value: visible(text, 80) }
  )
}
