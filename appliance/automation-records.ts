import { Type, type Static } from 'typebox'
import { unmanagedCodes } from '../connectors/contract.ts'
import { count, type Fixed, fingerprint, nullable, options, record, text, time } from './record-schemas.ts'

// Devices, issuers, profiles and events as plain JSON data; see records.ts.

const list = (description: string) => Type.Array(Type.String(), { description })

export const Device = record('device', 'One configured device', {
  name: text('its name'),
  connector: text('vendor driver'),
  place: text('where it is, for people'),
  writable: Type.Boolean({ description: 'may the product change it; a new device is only read' }),
  product: nullable(text('what it said it is when it was last checked')),
  version: nullable(text('of the product')),
  role: nullable(Type.Enum(['single', 'active', 'standby'], { description: 'in its group' })),
  checkedAt: nullable(time('checked last')),
  missingRights: nullable(count('rights that were missing then')),
  barred: nullable(text('why no sign-in is tried any more, until a person has checked it')),
  createdAt: time('added')
})
export type Device = Fixed<Static<typeof Device>>

export const Pin = record('pin', 'How a device is recognised before a credential is sent to it', {
  what: text('host key or certificate, and where'),
  fingerprint: text('as the field writes it, SHA256:…'),
  accepted: Type.Boolean({ description: 'has a person accepted exactly this' })
})
export type Pin = Fixed<Static<typeof Pin>>

const rights = Type.Array(
  Type.Object(
    {
      what: text('the right'),
      granted: Type.Boolean({ description: 'do we have it' }),
      remedy: nullable(text('exactly what to do when not'))
    },
    options
  ),
  { description: 'each right that is needed, tested without changing anything' }
)
const notes = list('what else to know before writing is allowed')
const secretStandings = Type.Array(
  Type.Object(
    {
      name: text('of the secret'),
      isSet: Type.Boolean({ description: 'is one kept, or a reference to it; it is never shown' }),
      changedAt: nullable(time('given last'))
    },
    options
  ),
  { description: 'each secret that it can have' }
)
const role = Type.Enum(['single', 'active', 'standby'], { description: 'in its group' })

export const DeviceDetails = record('device-details', 'All that is known of a device, but for its secrets', {
  name: text('its name'),
  connector: text('vendor driver'),
  settings: Type.Unknown({ description: 'as they were given' }),
  writable: Type.Boolean({ description: 'may the product change it' }),
  barred: nullable(text('why no sign-in is tried any more, until a person has checked it')),
  createdAt: time('added'),
  checkedAt: nullable(time('checked last')),
  check: nullable(
    Type.Object(
      { product: text('what it is'), version: text('of the product'), role, rights, notes },
      { ...options, description: 'what it said then' }
    )
  ),
  pins: Type.Array(
    Type.Object(
      {
        what: text('host key or certificate, and where'),
        fingerprint: text('as the field writes it'),
        acceptedAt: time('accepted by a person')
      },
      options
    ),
    { description: 'how it is recognised before a credential is sent' }
  ),
  secrets: secretStandings,
  targets: Type.Array(
    Type.Object(
      {
        target: text('the place on it'),
        profile: text('that renews it'),
        enabled: Type.Boolean({ description: 'is it renewed' }),
        nextAt: nullable(time('looked at again'))
      },
      options
    ),
    { description: 'what is renewed on it by itself' }
  ),
  openEvents: Type.Array(count('an event'), { description: 'events that are not over and change it' })
})
export type DeviceDetails = Fixed<Static<typeof DeviceDetails>>

export const DeviceCheck = record('check', 'What a device says of itself, and whether the login is enough', {
  device: text('its name'),
  product: text('e.g. nginx, BIG-IP'),
  version: text('of the product'),
  role,
  rights,
  notes
})
export type DeviceCheck = Fixed<Static<typeof DeviceCheck>>

export const FoundDevice = record('found-device', 'What answered to SNMP', {
  address: text('IP address'),
  product: nullable(text('what its sysObjectID says it is; null: none that has a connector')),
  version: nullable(text('of the product, where it tells it')),
  failover: nullable(text('in a pair: whether it serves (active, standby, …)')),
  sync: nullable(text('in a pair: whether the units hold the same (in sync, changes pending, …)')),
  connector: nullable(text('vendor driver for it, where this version has one')),
  device: nullable(text('device that is kept with this address; null: none is')),
  objectId: text('sysObjectID, dotted'),
  name: text('sysName'),
  description: text('sysDescr'),
  serial: nullable(text('serial number, where the product tells it'))
})
export type FoundDevice = Fixed<Static<typeof FoundDevice>>

const ServedAt = Type.Object(
  {
    address: text('IP address or host name'),
    port: Type.Integer({ minimum: 1, maximum: 65_535, description: 'TCP port' }),
    name: nullable(text('server name (SNI), or null for none')),
    starttls: nullable(text('protocol that begins in the clear'))
  },
  options
)

const Slot = Type.Object(
  {
    family: Type.Enum(['rsa', 'ecdsa', 'other'], { description: 'kind of key' }),
    fingerprint: fingerprint('SHA-256 of the leaf'),
    object: text("the device's own name for it"),
    names: list('DNS names and IP addresses'),
    notAfter: time('valid until')
  },
  options
)

const Unmanaged = Type.Object(
  {
    code: Type.Enum([...unmanagedCodes], { description: 'kind of reason' }),
    why: text('for people, with the remedy')
  },
  { ...options, description: 'why it must not be changed' }
)

const Share = Type.Object(
  { what: text('the other user of the object'), names: list('names by which clients come there') },
  options
)

export const Binding = record('binding', 'One place on a device that holds a certificate', {
  device: text('the device'),
  target: text('its name on the device; give device/target to other commands'),
  title: text('for people'),
  kind: text("what the field calls it: 'client-ssl profile', 'server block'"),
  slots: Type.Array(Slot, { description: 'certificates, one for each kind of key' }),
  served: Type.Array(ServedAt, { description: 'where a handshake shows it' }),
  shares: Type.Array(Share, { description: 'what else uses the same object' }),
  unmanaged: nullable(Unmanaged),
  profile: nullable(text('automation profile that renews it')),
  drift: list('differences between what the device says and what the last scan saw')
})
export type Binding = Fixed<Static<typeof Binding>>

export const Issuer = record('issuer', 'Where certificates come from', {
  name: text('its name'),
  kind: Type.Enum(['acme', 'private-ca', 'manual', 'import'], { description: 'how it issues' }),
  settings: Type.Unknown({ description: 'as they were given; secrets are not among them' }),
  createdAt: time('added')
})
export type Issuer = Fixed<Static<typeof Issuer>>

export const IssuerDetails = record('issuer-details', 'All that is known of an issuer, but for its secrets', {
  name: text('its name'),
  kind: Type.Enum(['acme', 'private-ca', 'manual', 'import'], { description: 'how it issues' }),
  settings: Type.Unknown({ description: 'as they were given' }),
  createdAt: time('added'),
  secrets: secretStandings,
  profiles: list('automation profiles that use it'),
  openEvents: Type.Array(count('an event'), { description: 'events that are not over and use it' })
})
export type IssuerDetails = Fixed<Static<typeof IssuerDetails>>

export const IssuerCheck = record('issuer-check', 'What an issuer says of itself', {
  issuer: text('its name'),
  facts: list('what it is and what it offers'),
  problems: list('what keeps it from giving certificates now, and what to do'),
  warnings: list('what will go wrong soon'),
  roots: list('certificates of its own that clients must trust, PEM')
})
export type IssuerCheck = Fixed<Static<typeof IssuerCheck>>

export const Imported = record('imported', 'A certificate that was imported with its key', {
  issuer: text('the issuer that gives it out'),
  fingerprint: fingerprint('SHA-256 of the leaf'),
  names: list('DNS names and IP addresses'),
  strangers: list('subjects of certificates in the file that do not belong to it')
})
export type Imported = Fixed<Static<typeof Imported>>

export const VaultState = record('vault', 'What keeps the secrets', {
  source: Type.Enum(['file', 'passphrase', 'systemd-credential'], { description: 'what opens it' }),
  keyVersion: count('of the key that seals the records'),
  keyCreatedAt: time('that key was made'),
  records: count('secrets that are kept'),
  warnings: list('what could be lost, or read by others, as it is kept now')
})
export type VaultState = Fixed<Static<typeof VaultState>>

export const Profile = record('profile', 'Which certificate to ask for, and how to bring it out', {
  name: text('its name'),
  content: Type.Unknown({
    description: 'issuer, key types, validity, names, windows, rollout: see docs/automation.md'
  }),
  targets: count('targets that it renews by itself'),
  createdAt: time('added')
})
export type Profile = Fixed<Static<typeof Profile>>

const eventStates = [
  'requested',
  'previewed',
  'needs-approval',
  'scheduled',
  'waiting',
  'issuing',
  'planned',
  'deploying',
  'live',
  'cleaned',
  'failed',
  'rolled-back',
  'cancelled',
  'stuck'
] as const

export const Deployment = Type.Object(
  {
    device: text('the device'),
    target: text('the place on it'),
    state: text('where it stands, a word of docs/operations.md'),
    why: text('why, a sentence'),
    since: time('in this state'),
    steps: list('steps that are done')
  },
  options
)
export type Deployment = Fixed<Static<typeof Deployment>>

export const AutomationEvent = record('event', 'One automation event', {
  id: count('its number'),
  action: Type.Enum(['request', 'renew', 'replace', 'reissue'], { description: 'what is done' }),
  state: Type.Enum(eventStates, { description: 'where it stands, a word of docs/operations.md' }),
  why: text('why it stands there'),
  profile: text('automation profile'),
  requestedBy: text('who asked'),
  requestedAt: time('asked'),
  startAt: time('not before'),
  hours: Type.Enum(['window', 'any'], { description: 'in the windows of its profile, or at any time' }),
  nextAt: nullable(time('looked at again')),
  names: list('names of the certificates'),
  hash: nullable(text('of the plans; approve with it')),
  approvedBy: nullable(text('who approved')),
  lostNames: list('names with a certificate now that would have none: whoever approves must accept that'),
  certificates: Type.Array(fingerprint('SHA-256 of the leaf'), {
    description: 'certificates that were issued'
  }),
  unissued: count('certificates that are still to be ordered, now or by another try'),
  deployments: Type.Array(Deployment, { description: 'one for each target' }),
  endedAt: nullable(time('ended'))
})
export type AutomationEvent = Fixed<Static<typeof AutomationEvent>>

export const Happening = record('happening', 'One line of the history of an event', {
  event: count('the event'),
  at: time('when'),
  who: text('who or what'),
  what: text('state that was entered, or step that was done'),
  why: text('why'),
  target: nullable(text('device/target, or null for the whole event'))
})
export type Happening = Fixed<Static<typeof Happening>>

export const PlanRecord = record('plan', 'What an event will do on one target', {
  event: count('the event'),
  hash: text('of the plans of the event'),
  device: text('the device'),
  target: text('the place on it'),
  steps: Type.Array(Type.Object({ id: text('of the step'), says: text('what is done') }, options), {
    description: 'in order'
  }),
  before: Type.Array(Slot, { description: 'what is there now' }),
  served: Type.Array(ServedAt, { description: 'where the new certificates must be seen' }),
  shares: Type.Array(Share, { description: 'what else changes with it' }),
  warnings: list('what to know before approving')
})
export type PlanRecord = Fixed<Static<typeof PlanRecord>>

export const Reason = record('reason', 'Why something will happen to a target, or not', {
  device: text('the device'),
  target: text('the place on it'),
  code: text('a word of docs/automation.md'),
  says: text('in a sentence'),
  at: nullable(time('when that is'))
})
export type Reason = Fixed<Static<typeof Reason>>

/** Every record of the automation. */
export const automationRecords = [
  Device,
  DeviceDetails,
  Pin,
  DeviceCheck,
  FoundDevice,
  Binding,
  Issuer,
  IssuerDetails,
  IssuerCheck,
  Imported,
  VaultState,
  Profile,
  AutomationEvent,
  Happening,
  PlanRecord,
  Reason
] as const
