import PQueue from 'p-queue'
import { parseAddress, type Address } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import type { CertificateFields } from '../../pki/fields.ts'
import { readCertificate } from '../../pki/quick.ts'
import type { Observation } from '../../sensor/scan/observation.ts'
import { openExclusions } from '../../sensor/scan/targets/exclusions.ts'
import { candidateNames, readNames, type NameList } from '../../sensor/scan/targets/names.ts'
import { joinPorts, type Ports } from '../../sensor/scan/targets/ports.ts'
import { systemReverse } from '../../sensor/scan/targets/resolve.ts'
import { buildSpace, type BuiltSpace } from '../../sensor/scan/targets/space.ts'
import type { HostTarget } from '../../sensor/scan/targets/target.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { ListText } from '../functions.ts'
import { foundBy } from './found.ts'
import type { Naming } from './request.ts'
import type { OwnScan } from './scanning.ts'
import type { Spared } from './space.ts'

/** addresses whose names are asked for at the same time */
const lookUps = 16

/** What the names of a scan are made from. */
export interface NamingDeps {
  readonly store: Store
  readonly spared: Spared
  readonly now: number
}

/**
 * The space of the names that are worth asking for where a scan found TLS: from lists, DNS and certificates.
 * Throws the faults of {@link readNames}.
 */
export async function nameSpace(
  scan: OwnScan,
  naming: Naming,
  { store, spared, now }: NamingDeps
): Promise<BuiltSpace> {
  const places = placesOf(scan, store, now)
  const exclusions = openExclusions([...spared.exclude, ...spared.doNotScan])
  const candidates = candidateNames({
    list: await readLists(naming),
    namesSeenAt: (address) => (naming.certificates ? namesAt(places.get(address), store) : []),
    reverse: naming.ptr ? systemReverse : null,
    excluded: (address, name) =>
      [...(places.get(address)?.ports ?? [])].every((port) => exclusions.covers(address, port, name)),
    limit: naming.limit
  })
  const queue = new PQueue({ concurrency: lookUps })
  const work = [...places].map(([address, { ports }]) => async (): Promise<HostTarget[]> => {
    const joined: Ports = joinPorts([...ports].map((port) => [port, port]))
    return (await candidates(address)).map((name) => ({ kind: 'host', address, name, ports: joined }))
  })
  const targets = (await queue.addAll(work)).flat()
  return buildSpace({ targets, ports: [], ...spared })
}

/** An address at which TLS answers without a name. */
interface TlsPlace {
  readonly ports: Set<number>
  readonly leaves: Set<number>
}

/** Where this scan found TLS, by address. */
function placesOf(scan: OwnScan, store: Store, now: number): Map<Address, TlsPlace> {
  const places = new Map<Address, TlsPlace>()
  for (const row of foundBy(scan, store, now)) {
    if (row.name !== null) continue
    const place = places.get(row.address) ?? { ports: new Set(), leaves: new Set() }
    places.set(row.address, place)
    place.ports.add(row.port)
    for (const chain of [row.chain, row.otherChain]) {
      const leaf = chain === null ? undefined : store.chains.byId(chain)?.leaf
      if (leaf !== undefined) place.leaves.add(leaf)
    }
  }
  return places
}

/** one certificate after the other, as long as names are wanted: all of them would fill the memory */
function* namesAt(place: TlsPlace | undefined, store: Store): Generator<string> {
  for (const leaf of place?.leaves ?? []) yield* readOr(store.certificates.der(leaf))?.dnsNames ?? []
}

async function readLists({ lists, limit }: Naming): Promise<NameList> {
  const read = await Promise.all(
    lists.map((list) => readNames(list.text.split(/\r?\n/), sourceOf(list), limit))
  )
  const byAddress = new Map<Address, readonly string[]>()
  for (const one of read) {
    for (const [address, names] of one.byAddress)
      byAddress.set(address, [...(byAddress.get(address) ?? []), ...names])
  }
  return { byAddress, everywhere: read.flatMap((one) => one.everywhere) }
}

function sourceOf({ source }: ListText): string {
  return source ?? '--sni'
}

/**
 * Is the answer to a guessed name worth keeping? A server that shows the same chain whatever it is asked for does
 * not tell its names apart: only what shows another chain, or is known by that name already, is an endpoint.
 */
export function answersToName(store: Store, { address: text, port, name, chains }: Observation): boolean {
  const address = parseAddress(text)
  if (address === undefined) return false
  if (store.endpoints.find({ address, port, name }) !== undefined) return true
  const nameless = store.endpoints.find({ address, port, name: null })
  const state = nameless && store.states.byId(nameless.state)
  return chains.some(({ id }) => {
    const kept = store.chains.idOf(id)
    return kept === undefined || (kept !== state?.chain && kept !== state?.otherChain)
  })
}

/** The fields of a certificate; one that nobody can read has none. */
function readOr(der: Uint8Array): CertificateFields | null {
  try {
    return readCertificate(der)
  } catch (thrown) {
    if (thrown instanceof Fault) return null
    throw thrown
  }
}
