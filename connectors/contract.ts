import type { TObject } from 'typebox'
import type { Clock } from '../core/clock.ts'
import { Fault, type FaultCode } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import type { Random } from '../core/random.ts'
import type { Secret } from '../core/secret.ts'
import type { KeyType } from '../pki/private-key.ts'
import type { SubjectFields } from '../pki/subject.ts'

/**
 * The contract between the replacement engine and the vendors. A connector knows its vendor and nothing of events,
 * orders or the store; the engine knows this file and no vendor.
 *
 * Every connector passes test/contract: the words below say what the suite holds it to.
 */

/** The kinds of key for which a target can hold a certificate of its own, side by side. */
export type KeyFamily = 'rsa' | 'ecdsa'

/** Data that goes through JSON and back without a loss. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A vendor driver: code, one folder, one line in index.ts. A *device* is one configured instance of it. */
export interface Connector {
  /** its folder, e.g. `web-hosts`; stands in the store and in commands */
  readonly id: string
  /** for people, e.g. `Linux hosts: nginx, HAProxy, Apache` */
  readonly title: string
  readonly traits: Traits
  /**
   * Settings of a device: an object of flat properties with title, description and default, from which the form,
   * the validation and the documents come. Holds no secret.
   */
  readonly settings: TObject
  /**
   * Names of the settings that decide whom we talk to: address, port, what lies between. When one of them changes,
   * nothing that a person accepted counts any more. Default: all of them.
   */
  readonly reach?: readonly string[]
  /** what must be kept secret of a device; which of them a device needs depends on its settings */
  readonly secrets: readonly SecretField[]
  /**
   * Asks the device who it is before any credential is sent: host keys, certificates. A person compares them once;
   * from then on only the same is accepted. Faults: settings-malformed, device-unreachable.
   */
  identify(access: Access, signal: AbortSignal): Promise<readonly Pin[]>
  /**
   * Signs in. Faults: settings-malformed, device-unreachable, device-sign-in, device-pin, device-busy. A refused
   * sign-in is never tried again by itself: devices lock accounts and bar addresses for it.
   */
  connect(access: Access, signal: AbortSignal): Promise<Session>
}

/** What the engine must know of a vendor's ways; a closed set. */
export interface Traits {
  /** the device switches all that serves a target at one moment */
  readonly atomicSwap: boolean
  /** what is not saved is lost at the next start of the device */
  readonly explicitSave: boolean
  /** how much of a device one deployment keeps to itself */
  readonly lock: 'device' | 'target'
  /** the device can make keys that never leave it ({@link Session.deviceKeys}); left out: it cannot */
  readonly deviceKeys?: 'offered'
}

/** A credential of a device: written once, never shown. */
export interface SecretField {
  readonly name: string
  readonly title: string
  readonly hint: string
  /** several lines, e.g. a private key in PEM */
  readonly multiline: boolean
}

/** How a connector reaches one device. */
export interface Access {
  /** the settings as stored; the connector parses them by its own schema */
  readonly settings: Json
  /** undefined: the device has no such credential */
  secret(name: string): Secret | undefined
  /** what the device showed when a person accepted it; empty before that */
  readonly pins: readonly Pin[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** How a device is recognised before a credential is sent. */
export interface Pin {
  /** e.g. `ssh-host-key 10.0.0.5:22 ssh-ed25519` or `tls-spki 10.0.0.5:443`; one pin for each */
  readonly what: string
  /** as the field writes it, e.g. `SHA256:…` */
  readonly fingerprint: string
}

/** A signed-in connection to one device. Nothing of it is kept in the connector itself. */
export interface Session {
  /** product, version, role, and each right that is needed, tested live without changing anything */
  check(signal: AbortSignal): Promise<Check>
  /** the role of {@link check} alone: asked with each plan, so that it must cost no more than one request */
  role(signal: AbortSignal): Promise<Role>
  /** every place that holds a certificate, in pages; also those that cannot be managed, with the reason */
  discover(signal: AbortSignal): AsyncIterable<readonly Binding[]>
  /**
   * Reads only. What a deployment to one target will do, everything needed to undo it, and what else is touched.
   * Holds no key, and does not depend on the certificate: names that carry its fingerprint use {@link newName}.
   * The same device state gives the same plan, character by character. Faults: target-missing,
   * device-managed-elsewhere (something else writes it), device-unsupported (this version cannot change the place),
   * device-refused (the device could not take any certificate there as it stands), device-broken (the configuration
   * was broken before us), device-right, device-full.
   */
  plan(order: PlanOrder, signal: AbortSignal): Promise<Plan>
  /**
   * Does the steps of a bound plan in order and tells each to the journal when it is done. Safe to repeat after any
   * cut: a step that is done is recognised by the device's own state. Checks the state that the plan rests on
   * before the first write (device-changed), and the certificate against its key before the switch.
   */
  deploy(plan: BoundPlan, bundle: Bundle, journal: Journal, signal: AbortSignal): Promise<void>
  /**
   * Reads back from the device whether everything of a bound plan is in place: files, process, saved, peer in sync.
   * Certificates that the target held before the plan was made are in place too: the engine writes nothing then.
   */
  verify(plan: BoundPlan, signal: AbortSignal): Promise<Verdict>
  /**
   * Undoes the steps of a bound plan from the last one that may have begun, backwards. Safe after any prefix of
   * deploy, also an empty one, and safe to repeat: what is gone already is accepted. Leaves no key of the new
   * certificate on the device; one that the device made stays, for the same certificate may be deployed again.
   */
  rollback(plan: BoundPlan, journal: Journal, signal: AbortSignal): Promise<void>
  /**
   * Removes what earlier deployments left, but for the last `keep` of them; only what is ours, and unreferenced in
   * configuration and process. Gives what was removed, for people. Where a removal has to be saved or synchronised, the
   * step `clean-up` is told to the journal before the first one, so that a cut in between is made good by the next call.
   */
  cleanup(plan: BoundPlan, keep: number, journal: Journal, signal: AbortSignal): Promise<readonly string[]>
  /** keys that the device makes itself; where its traits offer that */
  readonly deviceKeys?: DeviceKeys
  /** public files for a web server on the device; only where the device is a host with files */
  readonly publicFiles?: PublicFiles
  /** false once it is known that the connection is gone; sends nothing. The engine may use an open one again */
  isOpen(): boolean
  close(): Promise<void>
}

/** Small files that everybody may read, such as answers to http-01 (RFC 8555 §8.3). */
export interface PublicFiles {
  /**
   * Writes a file with mode 0644 at one moment, and makes the folders that are missing, 0755. The path is absolute and
   * plain; where others than root and the login can put a link, none is followed. Faults: option-malformed,
   * device-right, device-full, device-refused, device-changed.
   */
  put(path: string, text: string, signal: AbortSignal): Promise<void>
  /** removes a file; one that is gone is fine. Faults: as above */
  remove(path: string, signal: AbortSignal): Promise<void>
}

/** A key that a device makes: it never leaves the device, and is known by its name. */
export interface DeviceKey {
  readonly target: string
  readonly family: KeyFamily
  /** 16 hex digits, drawn and kept before the key is made: the name on the device carries them */
  readonly id: string
}

/** A key to be made, and what the request for its certificate is to say. */
export interface DeviceKeyRequest extends DeviceKey {
  readonly type: KeyType
  /** canonical host names and IP addresses, at least one */
  readonly names: readonly string[]
  readonly subject: SubjectFields
}

/** Keys that a device makes itself. They serve nothing until a plan binds them ({@link PlanOrder.deviceKeys}). */
export interface DeviceKeys {
  /**
   * Makes a key, saves it so that no restart loses it, has its peers get it, and gives a PKCS#10 request for it in PEM,
   * signed by it. Safe to repeat after any cut, also with other names: a key of this id that is there is taken, there
   * are never two. Leaves nothing else behind. Faults: as those of {@link Session.deploy}.
   */
  make(request: DeviceKeyRequest, signal: AbortSignal): Promise<string>
  /**
   * Removes a key for good, wherever it is kept; one that is gone is fine. A key that something uses stays. Safe to
   * repeat after any cut.
   */
  remove(key: DeviceKey, signal: AbortSignal): Promise<'gone' | 'in-use'>
}

/** What a device is in its pair; `single` where there is none. */
export type Role = 'single' | 'active' | 'standby'

/** What a device says of itself, and whether our login is enough. */
export interface Check {
  readonly product: string
  readonly version: string
  readonly role: Role
  readonly rights: readonly Right[]
  /** other things that a person should know before writing is allowed */
  readonly notes: readonly string[]
}

/** One right that the connector needs. */
export interface Right {
  readonly what: string
  readonly granted: boolean
  /** exactly what to do when it is missing, e.g. the line for sudoers; null when it is granted */
  readonly remedy: string | null
}

/** One place where a handshake shows what a target holds. */
export interface ServedAt {
  readonly address: string
  readonly port: number
  /** server name to send; null: none */
  readonly name: string | null
  /** protocol that begins in the clear, a word of the scan's table; null: TLS at once */
  readonly starttls: string | null
}

/** What a target holds for one kind of key. */
export interface Slot {
  readonly family: KeyFamily | 'other'
  /** SHA-256 of the leaf's DER, lower-case hex */
  readonly fingerprint: string
  /** the device's own name for it: path, object name */
  readonly object: string
  /** DNS names and IP addresses of the leaf */
  readonly names: readonly string[]
  readonly notAfter: number
}

/** What a device says is bound at a target, and where it is served. */
export interface Binding {
  /** stable on the device, e.g. `nginx:/etc/nginx/tls/shop.crt` */
  readonly target: string
  /** for people, in the vendor's words, e.g. `nginx certificate /etc/nginx/tls/shop.crt` */
  readonly title: string
  /** what the field calls the thing: `client-ssl profile`, `certkey`, `server block` */
  readonly kind: string
  readonly slots: readonly Slot[]
  readonly served: readonly ServedAt[]
  /** other users of the same object: all of them change together */
  readonly shares: readonly Share[]
  /** why the product must not change it, or null */
  readonly unmanaged: Unmanaged | null
  /** why only keys that the device makes can stand here; left out: any can */
  readonly onlyDeviceKeys?: string
}

/**
 * Kinds of reasons for which a target is left alone: something else renews it; accounts other than the administrator's
 * can change what would be used; the login may not read all of it; what is configured is missing or malformed; a form
 * that the connector does not handle.
 */
export const unmanagedCodes = [
  'managed-elsewhere',
  'others-can-write',
  'unreadable',
  'broken',
  'unsupported'
] as const

/** Why a target must not be changed. */
export interface Unmanaged {
  readonly code: (typeof unmanagedCodes)[number]
  /** for people, with the remedy where there is one */
  readonly why: string
}

/** The fault of an order for a target that must not be changed. */
export function unmanagedFault({ code, why }: Unmanaged, title: string, target: string): Fault {
  return new Fault(unmanagedFaults[code], `${title} is not to be changed: ${why}.`, { target })
}

const unmanagedFaults: Readonly<Record<Unmanaged['code'], FaultCode>> = {
  'managed-elsewhere': 'device-managed-elsewhere',
  'others-can-write': 'device-others-can-write',
  unreadable: 'device-right',
  broken: 'device-broken',
  unsupported: 'device-unsupported'
}

/** Something else that uses the object that a deployment changes. */
export interface Share {
  /** e.g. `server shop.example (/etc/nginx/sites/shop.conf:12)` */
  readonly what: string
  /** names by which clients come there */
  readonly names: readonly string[]
}

/** What a plan is asked for. */
export interface PlanOrder {
  readonly target: string
  /** kinds of key of the new certificates, each once; slots of other kinds stay as they are */
  readonly families: readonly KeyFamily[]
  /**
   * The device makes the keys: the type for each of the families, in their order. Left out: they come with the
   * certificates. Only for connectors that offer it
   */
  readonly deviceKeys?: readonly KeyType[]
}

/** One step, as a person reads it before approving. */
export interface PlannedStep {
  /** stable and unique in the plan, e.g. `stage`, `switch`, `reload` */
  readonly id: string
  readonly says: string
}

/**
 * The steps a deployment will take and everything needed to undo them. Stored before the first write; the hash of
 * the unbound plan is what a person approves.
 */
export interface Plan {
  readonly connector: string
  readonly target: string
  readonly families: readonly KeyFamily[]
  readonly steps: readonly PlannedStep[]
  /** what the target holds now; only where that is the new certificates, verify is asked before deploy */
  readonly before: readonly Slot[]
  /** where the new certificates must be seen by handshake */
  readonly served: readonly ServedAt[]
  /** other names at the same addresses: what they show must not change */
  readonly neighbours: readonly ServedAt[]
  readonly shares: readonly Share[]
  /** what a person should know: other people's pending edits go live too, what cannot be undone */
  readonly warnings: readonly string[]
  /** digest of everything on the device that the plan rests on */
  readonly state: string
  /** what the connector itself needs for deploy, verify and rollback */
  readonly facts: Json
}

/** A plan in which every {@link newName} stands for a certificate; only {@link bindPlan} makes one. */
export type BoundPlan = Plan & {
  readonly bound: Readonly<Partial<Record<KeyFamily, string>>>
  /** SHA-256 of the SubjectPublicKeyInfo of each key that the device made, hex; left out: keys come with certificates */
  readonly deviceKeys?: Readonly<Partial<Record<KeyFamily, string>>>
}

/** A certificate, ready to be put on a device that has its key. */
export interface CertificateItem {
  readonly family: KeyFamily
  /** SHA-256 of the leaf's DER, lower-case hex */
  readonly fingerprint: string
  /** PEM, one certificate */
  readonly leaf: string
  /** PEM of the intermediates, leaf's issuer first, without the root */
  readonly chain: readonly string[]
}

/** A certificate with its key, ready to be put on a device. */
export interface BundleItem extends CertificateItem {
  /** PKCS#8 PEM, unencrypted */
  readonly key: Secret
}

/** One item for each family of the plan; without keys where the device made them. */
export type Bundle = readonly (BundleItem | CertificateItem)[]

/** Where a deployment stands, kept by the engine. Each call is durable before it returns. */
export interface Journal {
  /** ids of the steps that are done and not undone, in order */
  readonly finished: readonly string[]
  done(step: string): void
  undone(step: string): void
}

/** What a connector reads back. */
export type Verdict =
  | { readonly state: 'in-place' }
  /** sentences for a person, each naming what is there and what should be */
  | { readonly state: 'differs'; readonly why: readonly string[] }

/** Stands in a plan for the first 16 hex digits of the new certificate's fingerprint. */
export function newName(family: KeyFamily): string {
  return `{new-${family}}`
}

/** Stands in a plan for the id of the key that the device makes ({@link DeviceKey.id}). */
export function newKey(family: KeyFamily): string {
  return `{key-${family}}`
}

/** A key that a device has made, as far as a plan needs it. */
export interface MadeKey {
  readonly id: string
  /** SHA-256 of its SubjectPublicKeyInfo, lower-case hex */
  readonly spki: string
}

/**
 * The plan for certificates that are known now. `fingerprints` holds one for each family of the plan, 64 hex digits;
 * `made` the keys that the device made, where it is to make them.
 */
export function bindPlan(
  plan: Plan,
  fingerprints: Readonly<Partial<Record<KeyFamily, string>>>,
  made?: Readonly<Partial<Record<KeyFamily, MadeKey>>>
): BoundPlan {
  let text = JSON.stringify(plan)
  for (const family of plan.families) {
    text = text
      .replaceAll(newName(family), (fingerprints[family] ?? '').slice(0, 16))
      .replaceAll(newKey(family), made?.[family]?.id ?? '')
  }
  const keys = Object.entries(made ?? {}).map(([family, { spki }]) => [family, spki] as const)
  return {
    ...(JSON.parse(text) as Plan),
    bound: fingerprints,
    ...(made ? { deviceKeys: Object.fromEntries(keys) } : {})
  }
}
