import { posix } from 'node:path'
import { Fault } from '../../core/fault.ts'
import { readPem } from '../../pki/pem.ts'
import { readCertificate } from '../../pki/quick.ts'
import { hash } from 'node:crypto'
import type { KeyFamily, ServedAt, Share, Slot, Unmanaged } from '../contract.ts'
import type { HostFiles } from '../shared/files.ts'
import { ownLink } from '../shared/generations.ts'
import { managedElsewhere } from './elsewhere.ts'
import {
  type Kind,
  kinds,
  type Pair,
  programTitles,
  type Reading,
  type Role,
  type RunningProgram,
  type Use
} from './model.ts'
import type { Survey } from './survey.ts'
import type { LeftAlone, Looking } from './trust.ts'
import { neighboursOf, servedBy, specificListens } from './served.ts'

/** One file of a place, found on the host. */
export interface PlacedFile {
  readonly role: Role
  /** as configured, but without symbolic links in its directory */
  readonly path: string
  /** where it leads */
  readonly real: string
  /** our own layout that the path leads into already */
  readonly own: { readonly site: string; readonly name: string } | null
}

/** A place for one certificate and its key. */
export interface Place {
  readonly object: string
  readonly files: readonly PlacedFile[]
  /** null: there is no certificate that can be read */
  readonly slot: Slot | null
  /** of the leaf's DER, lower-case hex: what HAProxy tells of a certificate */
  readonly sha1: string
  /** the key stands before the certificate in a combined file */
  readonly keyFirst: boolean
  /** blocks of a combined file that are neither certificate nor key (DH PARAMETERS), PEM */
  readonly extra: string
  readonly unmanaged: Unmanaged | null
}

/** A use with the program that it belongs to. */
export interface PlacedUse {
  readonly program: RunningProgram
  readonly reading: Reading
  readonly use: Use
  /** of each pair of the use, in its order */
  readonly places: readonly Place[]
}

/** All places that some server uses together, with everything that uses them. */
export interface Target {
  readonly id: string
  readonly title: string
  readonly kind: string
  readonly places: readonly Place[]
  readonly uses: readonly PlacedUse[]
  readonly served: readonly ServedAt[]
  /** what others show at the same addresses; for hundreds of names at one address a long list */
  neighbours(): readonly ServedAt[]
  readonly shares: readonly Share[]
  readonly unmanaged: Unmanaged | null
}

/**
 * The targets of a host: connected groups of places. Places are connected when one server uses both, when they share
 * a file by whatever path, and, in HAProxy, when they have the same names for different kinds of key.
 */
export async function targetsOf(
  { readings, leftAlone }: Survey,
  looking: Pick<Looking, 'files' | 'trust'>,
  addresses: readonly string[]
): Promise<Target[]> {
  const known = new Map<string, Place>()
  const uses: PlacedUse[] = []
  for (const kind of kinds) {
    for (const reading of readings.filter(({ program }) => program.kind === kind)) {
      for (const use of reading.uses) {
        const places: Place[] = []
        for (const pair of use.pairs) {
          const key = JSON.stringify([pair.object, pair.files, pair.unmanaged])
          const place = known.get(key) ?? (await placeOf(pair, looking))
          known.set(key, place)
          places.push(place)
        }
        uses.push({ program: reading.program, reading, use, places })
      }
    }
  }
  const groups = grouped([...known.values()], uses)
  const groupOf = new Map(groups.flatMap((places) => places.map((place) => [place, places])))
  // all places of a use are in one group
  const byGroup = Map.groupBy(uses, ({ places }) => places[0] && groupOf.get(places[0]))
  const drafts = groups.map((places) => ({ places, uses: byGroup.get(places) ?? [] }))
  const specific = specificListens(uses)
  const targets = drafts.map(({ places, uses: own }): Target => {
    const [first] = own
    const kind: Kind = first?.program.kind ?? 'files'
    // the order of a configuration may change: the name of a target must not
    const object = places.map(({ object }) => object).sort()[0] ?? ''
    const served = servedBy(own, addresses, specific)
    return {
      id: `${kind}:${object}`,
      title: `${programTitles[kind]} certificate ${object}`,
      kind: kindTitles[kind],
      places,
      uses: own,
      served,
      neighbours() {
        const others = uses.filter((use) => !own.includes(use))
        return neighboursOf(served, servedBy(others, addresses, specific))
      },
      shares: sharesOf(own),
      unmanaged: reasonOf(places, own) ?? sharedChain(places, groups)
    }
  })
  return [...targets, ...readings.flatMap(hiddenBy), ...leftAlone.map(programLeft)]
}

function programLeft({ kind, id, title, unmanaged }: LeftAlone): Target {
  return { ...nothing, id, title, kind: programTitles[kind], unmanaged }
}

/** what nobody knows the certificates of */
const nothing = { places: [], uses: [], served: [], neighbours: () => [], shares: [] }

/** what a configuration names in files that were not read */
function hiddenBy({ program, unreadable, exposed }: Reading): Target[] {
  const hidden = (path: string, unmanaged: Unmanaged): Target => ({
    ...nothing,
    id: `${program.kind}:${path}`,
    title: `${programTitles[program.kind]} configuration ${path}`,
    kind: 'configuration',
    unmanaged
  })
  const unseen = 'the login may not read it, so nobody knows which certificates it names'
  return [
    ...unreadable.map((path) => hidden(path, { code: 'unreadable', why: unseen })),
    ...exposed.map(({ path, why }) => hidden(path, { code: 'others-can-write', why }))
  ]
}

const kindTitles: Readonly<Record<Kind, string>> = {
  nginx: 'server block',
  haproxy: 'bind line',
  apache: 'virtual host',
  files: 'files'
}

async function placeOf(pair: Pair, { files, trust }: Pick<Looking, 'files' | 'trust'>): Promise<Place> {
  const empty: Place = {
    object: pair.object,
    files: [],
    slot: null,
    sha1: '',
    keyFirst: false,
    extra: '',
    unmanaged: pair.unmanaged
  }
  if (pair.unmanaged !== null) return empty
  try {
    const placed: PlacedFile[] = []
    for (const { role, path } of pair.files) {
      // new files are made beside it
      const why =
        (await trust.paths.exposure(path)) ?? (await trust.paths.folderExposure(posix.dirname(path)))
      if (why !== null) return { ...empty, unmanaged: { code: 'others-can-write', why } }
      const found = await locate(files, role, path)
      if (!found) return { ...empty, unmanaged: broken(`${path} is not there`) }
      placed.push(found)
    }
    const certificate = placed.find(({ role }) => role === 'cert' || role === 'combined')
    const content = certificate && (await files.read(certificate.real))
    if (!content) return { ...empty, unmanaged: broken('its file is not there') }
    const read = readContent(content.toString('latin1'), pair.object)
    const reasons = await Promise.all(placed.map((file) => managedElsewhere(files, file)))
    const why = reasons.find((reason) => reason !== null)
    return { ...empty, ...read, files: placed, unmanaged: why ? { code: 'managed-elsewhere', why } : null }
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.code === 'device-unreachable') throw thrown
    const code = thrown.code === 'device-right' ? 'unreadable' : 'broken'
    return { ...empty, unmanaged: { code, why: `it cannot be read: ${thrown.message}` } }
  }
}

function broken(why: string): Unmanaged {
  return { code: 'broken', why }
}

async function locate(files: HostFiles, role: Role, path: string): Promise<PlacedFile | undefined> {
  const directory = await files.realPath(posix.dirname(path))
  if (directory === undefined) return undefined
  const physical = posix.join(directory, posix.basename(path))
  const to = await files.readLink(physical)
  const own = to === undefined ? undefined : await ownLink(files, physical, to)
  const real = await files.realPath(physical)
  // what belonged to an earlier certificate is not in our newer generations: the link leads nowhere then
  if (real === undefined)
    return own && role === 'beside' ? { role, path: physical, real: '', own } : undefined
  return { role, path: physical, real, own: own ?? null }
}

function readContent(text: string, object: string): Pick<Place, 'slot' | 'sha1' | 'keyFirst' | 'extra'> {
  const blocks = readPem(text)
  const leaf = blocks.find(({ label }) => label === 'CERTIFICATE')
  if (!leaf) throw new Fault('certificate-malformed', 'no certificate stands in it')
  const fields = readCertificate(leaf.der)
  const families: Readonly<Record<string, KeyFamily>> = { RSA: 'rsa', ECDSA: 'ecdsa' }
  const key = blocks.find(({ label }) => label.endsWith('PRIVATE KEY'))
  const extra = blocks.filter(({ label }) => label === 'DH PARAMETERS' || label === 'EC PARAMETERS')
  return {
    slot: {
      family: families[fields.keyType] ?? 'other',
      fingerprint: fields.fingerprint,
      object,
      names: [...fields.dnsNames, ...fields.ipAddresses],
      notAfter: fields.notAfter
    },
    sha1: hash('sha1', leaf.der, 'hex'),
    keyFirst: key !== undefined && key.line < leaf.line,
    extra: extra
      .filter(({ label }) => label === 'DH PARAMETERS')
      .map((block) => textOf(text, block.line))
      .join('')
  }
}

/** a block as it stands, from its BEGIN line to its END line */
function textOf(text: string, line: number): string {
  const lines = text.split(/\r\n|\n|\r/).slice(line - 1)
  const end = lines.findIndex((one) => one.startsWith('-----END'))
  return `${lines.slice(0, end + 1).join('\n')}\n`
}

function grouped(places: readonly Place[], uses: readonly PlacedUse[]): Place[][] {
  const groups = new Map<Place, Set<Place>>(places.map((place) => [place, new Set([place])]))
  const join = (one: Place, other: Place) => {
    const [a, b] = [groups.get(one), groups.get(other)]
    if (!a || !b || a === b) return
    for (const member of b) {
      a.add(member)
      groups.set(member, a)
    }
  }
  const byFile = new Map<string, Place>()
  for (const place of places) {
    for (const { role, path, real } of place.files) {
      // many certificates of one authority can have their intermediates in one file
      if (role === 'beside' || role === 'chain') continue
      for (const file of [path, real]) {
        join(byFile.get(file) ?? place, place)
        byFile.set(file, place)
      }
    }
    join(byFile.get(place.object) ?? place, place)
    byFile.set(place.object, place)
  }
  for (const { places } of uses) for (const place of places) join(places[0] ?? place, place)
  joinTwins(uses, join)
  const order = new Map(places.map((place, at) => [place, at]))
  return [...new Set(groups.values())].map((group) =>
    [...group].sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0))
  )
}

/** two files of one bind line with the same names and different kinds of key are served side by side */
function joinTwins(uses: readonly PlacedUse[], join: (one: Place, other: Place) => void): void {
  const seen = new Map<string, Place>()
  for (const { program, use, places } of uses) {
    if (program.kind !== 'haproxy') continue
    for (const place of places) {
      if (!place.slot) continue
      const key = JSON.stringify([program.id, use.what, use.names, [...place.slot.names].sort()])
      const twin = seen.get(key)
      if (twin?.slot && twin.slot.family !== place.slot.family) join(twin, place)
      else seen.set(key, place)
    }
  }
}

function sharesOf(uses: readonly PlacedUse[]): Share[] {
  const shares = new Map<string, Share>()
  for (const { program, use, places } of uses.slice(1)) {
    const names = use.names === 'certificate' ? places.flatMap(({ slot }) => slot?.names ?? []) : use.names
    const what = `${programTitles[program.kind]} ${use.what} (${use.where})`
    shares.set(what, { what, names: [...new Set(names)] })
  }
  return [...shares.values()]
}

/** new intermediates for one of them could be wrong for the others */
function sharedChain(places: readonly Place[], groups: readonly (readonly Place[])[]): Unmanaged | null {
  const others = groups.filter((group) => group[0] !== places[0]).flat()
  const taken = new Set(others.flatMap(({ files }) => files.map(({ real }) => real)))
  const chain = places
    .flatMap(({ files }) => files)
    .find(({ role, real }) => role === 'chain' && taken.has(real))
  if (!chain) return null
  const why = `other certificates have their intermediates in ${chain.path} too: put them into the certificate file instead (SSLCertificateFile)`
  return { code: 'unsupported', why }
}

function reasonOf(places: readonly Place[], uses: readonly PlacedUse[]): Unmanaged | null {
  for (const { object, unmanaged } of places) {
    if (unmanaged === null) continue
    return places.length === 1 ? unmanaged : { ...unmanaged, why: `${object}: ${unmanaged.why}` }
  }
  const trouble = uses.find(({ program }) => program.trouble !== null)?.program
  if (trouble?.trouble) return { ...trouble.trouble, why: `${trouble.name}: ${trouble.trouble.why}` }
  const byFamily = new Map<string, string>()
  for (const { slot } of places) {
    if (!slot) continue
    const other = byFamily.get(slot.family)
    if (other !== undefined && other !== slot.fingerprint) {
      const why =
        'servers use several different certificates of one kind of key together, or with one key file'
      return { code: 'unsupported', why }
    }
    byFamily.set(slot.family, slot.fingerprint)
  }
  const sites = new Set(places.flatMap(({ files }) => files.flatMap(({ own }) => own?.site ?? [])))
  if (sites.size > 1) {
    const why = `its files were taken over apart from each other (${[...sites].join(', ')})`
    return { code: 'unsupported', why }
  }
  return null
}
