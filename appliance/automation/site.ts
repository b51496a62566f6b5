import { connectors } from '../../connectors/index.ts'
import type { Clock } from '../../core/clock.ts'
import { asFault, Fault } from '../../core/fault.ts'
import type { Log } from '../../core/log.ts'
import type { Random } from '../../core/random.ts'
import { namesCover } from '../../pki/host-names.ts'
import { makeCsr } from '../../pki/csr.ts'
import { refusesIssued, saysOf } from '../../pki/issued-reasons.ts'
import { checkIssued } from '../../pki/issued.ts'
import { makePrivateKey, readPrivateKey } from '../../pki/private-key.ts'
import { canonicalNames } from '../../pki/subject-names.ts'
import { openTrustStore, type TrustStore } from '../../pki/trust-store.ts'
import { createEngine, type Engine } from '../../sensor/automation/engine.ts'
import type { Credentials, EngineLimits, Pki } from '../../sensor/automation/ports.ts'
import { createWire, wireLimits } from '../../sensor/automation/wire/wire.ts'
import type { Issuer } from '../../sensor/issuance/issuer.ts'
import { openDialer } from '../../sensor/scan/probe/open-dialer.ts'
import type { DeviceRow } from '../../sensor/store/devices.ts'
import type { IssuerRow } from '../../sensor/store/issuers.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Places } from '../places.ts'
import { readSettings } from '../settings.ts'
import { keyRing } from '../vault/key-ring.ts'
import type { Vault } from '../vault/vault.ts'
import { issuerKinds, type IssuerKind, type IssuerTools } from './issuer-kinds.ts'
import { readTrustRoots } from '../trust-roots.ts'
import { createNameTurns, type NameTurns } from './name-turns.ts'
import { openSiteVault, type VaultPlace, type VaultSetting } from './open-vault.ts'
import { ownRoots } from './own-roots.ts'
import { sparedPlaces } from './spared-places.ts'
import { webRootOf } from './web-root.ts'

/** What the automation of an installation is opened with. */
export interface SiteParts extends Omit<VaultPlace, 'clock'> {
  readonly store: Store
  readonly where: Places
  /** files of own roots that the command names */
  readonly authorities: readonly string[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** The targets of a device. */
export interface Listing {
  readonly targets: ReadonlySet<string>
  /** when it was asked, by `ticks` of the clock */
  readonly at: number
  /** why it could not be asked, or null */
  readonly unasked: string | null
}

/** The automation of an installation: engine, vault and issuers on one store. */
export interface Site extends IssuerTools {
  readonly where: Places
  readonly credentialsDirectory: string | undefined
  /** what opens the vault now, as the settings have it */
  readonly vaultSource: { openedBy: VaultSetting }
  readonly engine: Engine
  /** what devices, by number, were last found to have */
  readonly listings: Map<number, Listing>
  /** the issuer of a name, the same one each time; throws issuer-missing */
  issuer(name: string): Issuer
  /** forgets an issuer that was changed or removed */
  forgetIssuer(row: Pick<IssuerRow, 'id'>): void
  /** one act at a time with the issuer of a name */
  readonly issuerTurns: NameTurns
  /** one change of what opens the vault at a time */
  readonly vaultTurns: NameTurns
}

const dayMs = 86_400_000

/** Bounds of the engine where the settings say nothing. */
const usual: EngineLimits = {
  overall: 8,
  perDevice: 2,
  callMs: 120_000,
  deployBudgetMs: 3_600_000,
  previewBudgetMs: 3_600_000,
  retryMs: 14 * dayMs
}

/** The pki of the engine: our own keys and requests, and every check of what an issuer gives. */
function pkiOf(known: () => TrustStore): Pki {
  return {
    makePrivateKey,
    readPrivateKey,
    makeCsr,
    refusals: (question) =>
      checkIssued({ ...question, known })
        .filter(refusesIssued)
        .map(saysOf),
    canonicalNames,
    covers: namesCover
  }
}

/** Opens the automation. Faults: those of the settings and of the vault. */
export async function openSite(parts: SiteParts): Promise<Site> {
  const { store, where, clock, random, log, authorities } = parts
  const { automation = {} } = readSettings(where)
  const { atOnce = usual.overall, perDevice = usual.perDevice } = automation
  const { vault, openedBy } = await openSiteVault(parts)
  const known = () => {
    const { system, own } = readTrustRoots({ where, files: authorities, made: ownRoots(store) })
    return openTrustStore([...system, ...own])
  }
  const tools: IssuerTools = {
    store,
    vault,
    clock,
    random,
    log,
    listeners: new Map(),
    known,
    webRoot: (device, path) => webRootOf(() => engine.context, device, path)
  }
  const issuers = openIssuers(tools)
  const engine: Engine = createEngine({
    store,
    clock,
    random,
    log,
    limits: { ...usual, overall: atOnce, perDevice },
    keys: keyRing(vault, 'order'),
    pki: pkiOf(known),
    wire: createWire(
      { dialer: openDialer('auto'), clock, random, spared: sparedPlaces({ where, clock }) },
      wireLimits
    ),
    installation: installationOf(store, random),
    connector: (id) => connectors.find((one) => one.id === id),
    credentials: (device) => credentialsOf(vault, device),
    issuer: (name) => issuers.issuer(name),
    certificate: (fingerprint) => {
      const [row] = store.certificates.byPrefix(fingerprint, 1)
      return row && store.certificates.der(row.id)
    }
  })
  return {
    ...tools,
    where,
    credentialsDirectory: parts.credentialsDirectory,
    engine,
    listings: new Map(),
    ...issuers,
    issuerTurns: createNameTurns(),
    vaultTurns: createNameTurns(),
    vaultSource: { openedBy }
  }
}

function openIssuers(tools: IssuerTools) {
  const open = new Map<number, Issuer>()
  return {
    issuer(name: string): Issuer {
      const row = tools.store.issuers.named(name)
      const known = open.get(row.id) ?? kindOf(row).open(row, tools)
      open.set(row.id, known)
      return known
    },
    forgetIssuer: ({ id }: Pick<IssuerRow, 'id'>): void => void open.delete(id)
  }
}

/** The kind of an issuer that is kept. */
export function kindOf({ kind, name }: Pick<IssuerRow, 'kind' | 'name'>): IssuerKind {
  const found = issuerKinds.find((one) => one.kind === kind)
  if (found) return found
  const known = issuerKinds.map((one) => one.kind).join(', ')
  throw new Fault('issuer-malformed', `issuer ${name}: kind ${kind} is not one of ${known}`, {
    field: 'kind',
    value: kind
  })
}

/** Who owns the credentials of a device in the vault: its number, since names come again. */
export function ownerOf({ id }: Pick<DeviceRow, 'id'>) {
  return { kind: 'device', id: String(id) } as const
}

/** Reads all credentials of a device: those that are references from where they are kept. */
async function credentialsOf(vault: Vault, device: DeviceRow): Promise<Credentials> {
  const owner = ownerOf(device)
  const fields = await Promise.all(
    vault.fields(owner).map(async ({ field }) => {
      try {
        return [field, await vault.read(owner, field)] as const
      } catch (thrown) {
        const fault = asFault(thrown)
        const message = `device ${device.name}: its ${field} cannot be read: ${fault.message}`
        throw new Fault(fault.code, message, { ...fault.facts, device: device.name }, thrown)
      }
    })
  )
  const known = new Map(fields)
  return (field) => known.get(field)
}

const installationName = 'installation'

/** A name of this installation that nobody else has: where in a CA's window it renews depends on it. */
function installationOf(store: Store, random: Random): string {
  const kept = store.settings.get(installationName)
  if (kept !== undefined) return kept
  store.durable(() => store.settings.set(installationName, Buffer.from(random.bytes(16)).toString('hex')))
  return store.settings.get(installationName) ?? ''
}
