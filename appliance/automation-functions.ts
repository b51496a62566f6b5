import type { SecretField } from '../connectors/contract.ts'
import type {
  AutomationEvent,
  Binding,
  Device,
  DeviceCheck,
  DeviceDetails,
  FoundDevice,
  Happening,
  Imported,
  Issuer,
  IssuerCheck,
  IssuerDetails,
  Pin,
  PlanRecord,
  Profile,
  Reason,
  VaultState
} from './automation-records.ts'

/**
 * Values that must be kept secret, on their way to the vault: by name of the field. One that begins as a reference
 * does (`env-file:/path#NAME`, `vault-kv:mount/path#field`, docs/vault.md) is read from there at each use.
 */
export type SecretValues = Readonly<Record<string, string>>

/** A vendor driver, as far as a form needs it. */
export interface ConnectorForm {
  readonly id: string
  readonly title: string
  /** JSON Schema of the settings */
  readonly settings: unknown
  readonly secrets: readonly SecretField[]
}

/** A kind of issuer, as far as a form needs it. */
export interface IssuerForm {
  readonly kind: Issuer['kind']
  readonly title: string
  /** JSON Schema of the settings */
  readonly settings: unknown
  readonly secrets: readonly SecretField[]
}

/** How a device is reached, before it is kept. */
export interface DeviceAddress {
  readonly connector: string
  readonly settings: unknown
}

/** A device to keep. */
export interface NewDevice extends DeviceAddress {
  readonly name: string
  readonly secrets: SecretValues
  /** what a person has accepted of what `identify` showed */
  readonly pins: readonly { readonly what: string; readonly fingerprint: string }[]
  /** may it be the same machine as another device? Default: refused */
  readonly sameMachine?: 'allowed' | 'refused'
}

/** Other settings of a device. */
export interface DeviceChange {
  readonly name: string
  /** all of them, not only those that change */
  readonly settings: unknown
  /** those that change */
  readonly secrets: SecretValues
  /**
   * what a person has accepted of what `identify` showed for the new settings; null: what was accepted before, as long
   * as they lead to the same place
   */
  readonly pins: NewDevice['pins'] | null
  readonly sameMachine?: 'allowed' | 'refused'
}

/** Where to look for devices, and how their SNMP agents are asked. */
export interface DeviceSearch {
  /** an address, a network or a range */
  readonly range: string
  /** default 161 */
  readonly port?: number
  readonly login: SnmpLogin
}

/** How an SNMP agent is asked; names of algorithms as in sensor/identify/snmp.ts. */
export type SnmpLogin =
  | { readonly version: '2c'; readonly community: string }
  | {
      readonly version: '3'
      readonly user: string
      readonly authentication: string
      readonly authenticationKey: string
      readonly privacy: string
      readonly privacyKey: string
    }

/** An issuer to keep. Its kind decides which settings and secrets it needs. */
export interface NewIssuer {
  readonly name: string
  readonly kind: Issuer['kind']
  readonly settings: unknown
  readonly secrets: SecretValues
}

/** An event to request. */
export interface EventRequest {
  readonly action: AutomationEvent['action']
  /** `device/target` each */
  readonly targets: readonly string[]
  readonly profile: string
  /** RFC 3339; null: as soon as it may be */
  readonly startAt: string | null
  /** `any`: a person said that it cannot wait for the windows of the profile */
  readonly hours: 'window' | 'any'
  /**
   * `needed`: nothing is bought before somebody has approved the plan by its hash, whatever the profile says. `never`:
   * only the plan is wanted, and the event is over (cancelled) with it. `profile`: as the profile says
   */
  readonly approval: 'profile' | 'needed' | 'never'
  readonly requestedBy: string
}

/** An approval of the plan of an event. */
export interface Approval {
  /** of the plan that was looked at */
  readonly hash: string
  readonly by: string
  /**
   * `accepted`: names of the event that would be left without a certificate (`lostNames` of its record) may be;
   * `refused`: none may
   */
  readonly lostNames: 'accepted' | 'refused'
}

/** Which events to list. */
export interface EventQuery {
  /** only those that have not ended */
  readonly open: boolean
  readonly limit: number
  /** only those with lower numbers */
  readonly before: number | null
}

/** What whoever looks for devices wants to hear of it. */
export interface SearchWatch {
  /** addresses that are through, and all of them */
  progress(done: number, size: number): void
}

/** What whoever waits for an event wants to hear of it. */
export interface EventWatch {
  happening(happening: Happening): void
}

/** Devices, issuers, profiles and the replacement of certificates. Bad input and missing things are Faults. */
export interface AutomationFunctions {
  connectorForms(): Promise<readonly ConnectorForm[]>
  /** asks a device who it is; sends no credential */
  identifyDevice(device: DeviceAddress, signal?: AbortSignal): Promise<readonly Pin[]>
  /** signs in, and keeps the device (read-only) when that worked */
  addDevice(device: NewDevice, signal?: AbortSignal): Promise<DeviceCheck>
  devices(): Promise<readonly Device[]>
  /** all that is known of a device, without asking it */
  deviceDetails(name: string): Promise<DeviceDetails>
  /**
   * other settings, tried before they are kept; where they lead to another place the device is only read from then on
   */
  changeDevice(change: DeviceChange): Promise<DeviceCheck>
  /** signs in again; `accept` puts these pins in the place of those that were accepted before */
  checkDevice(name: string, accept: NewDevice['pins'] | null, signal?: AbortSignal): Promise<DeviceCheck>
  devicePins(name: string, signal?: AbortSignal): Promise<readonly Pin[]>
  discoverDevice(name: string, signal: AbortSignal): AsyncIterable<Binding>
  allowDevice(name: string, allowed: 'writable' | 'read-only'): Promise<void>
  /** other credentials, tried before they are kept */
  setDeviceSecrets(name: string, secrets: SecretValues): Promise<DeviceCheck>
  removeDevice(name: string): Promise<void>
  /** asks the SNMP agents of a range what they are; gives those that answered */
  findDevices(search: DeviceSearch, watch: SearchWatch, signal: AbortSignal): AsyncIterable<FoundDevice>

  issuerForms(): Promise<readonly IssuerForm[]>
  addIssuer(issuer: NewIssuer): Promise<IssuerCheck>
  issuers(): Promise<readonly Issuer[]>
  /** all that is known of an issuer, without asking it */
  issuerDetails(name: string): Promise<IssuerDetails>
  checkIssuer(name: string): Promise<IssuerCheck>
  removeIssuer(name: string): Promise<void>
  /**
   * puts a certificate with its key that was bought elsewhere (PEM or PKCS#12, base64) on the shelf of an issuer, which
   * is made where there is none of the name
   */
  importCertificate(issuer: string, file: string, password: string | null): Promise<Imported>

  vaultState(): Promise<VaultState>
  /** seals everything with a new key */
  rotateVault(): Promise<VaultState>
  /** opens it by another source from now on; the settings of the vault, docs/vault.md. Gives what to write there */
  changeVaultSource(source: unknown, passphrase: string | null): Promise<VaultState>

  putProfile(name: string, content: unknown): Promise<Profile>
  profiles(): Promise<readonly Profile[]>
  removeProfile(name: string): Promise<void>
  /** from now on these targets are renewed by themselves; null: not any more */
  assignProfile(targets: readonly string[], profile: string | null): Promise<void>

  /** gives the event once it is stored, or the open one that is the same; throws target-missing */
  requestEvent(request: EventRequest): Promise<AutomationEvent>
  /** tells what happens to an event until it has ended or waits for a person, and gives it then */
  followEvent(id: number, watch: EventWatch, signal: AbortSignal): Promise<AutomationEvent>
  events(query: EventQuery): Promise<readonly AutomationEvent[]>
  eventById(id: number): Promise<AutomationEvent>
  eventHistory(id: number): Promise<readonly Happening[]>
  eventPlans(id: number): Promise<readonly PlanRecord[]>
  /** throws approval-stale when the plans have another hash by now, names-lost */
  approveEvent(id: number, approval: Approval): Promise<AutomationEvent>
  /** has it wait for no maintenance window any more */
  widenEvent(id: number, by: string): Promise<AutomationEvent>
  cancelEvent(id: number, by: string): Promise<AutomationEvent>
  /** gives up undoing what it left half-way: a person answers for what its targets show now */
  giveUpEvent(id: number, by: string): Promise<AutomationEvent>
  /** tries its deployments again, with the certificates that were issued; orders those that were not */
  retryEvent(id: number, by: string): Promise<AutomationEvent>
  /** the CSRs of an event whose issuer is a person, PEM */
  eventRequests(id: number): Promise<readonly string[]>
  /** the certificate with its chain, PEM, that a person got for it */
  giveCertificate(id: number, pem: string): Promise<AutomationEvent>

  /** throws target-missing */
  why(target: string): Promise<readonly Reason[]>
}
