import { Type, type TProperties, type TSchema } from 'typebox'
import { visibleText } from '../../core/text.ts'
import { startTlsProtocols } from '../../sensor/scan/observation.ts'
import { callbacks, signal, value, type Takings } from '../socket/arguments.ts'
import type { Served } from './served.ts'

const closed = <const P extends TProperties>(properties: P) =>
  Type.Object(properties, { additionalProperties: false })
const optional = Type.Optional
const orNull = <const S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])
const text = Type.String()
const texts = Type.Array(text)
const flag = Type.Boolean()
const from = (least: number, most = Number.MAX_SAFE_INTEGER) =>
  Type.Integer({ minimum: least, maximum: most })
const port = from(1, 65_535)
const number = from(1)

/** who a caller says that it is: shown to people, and kept in the history */
const caller = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: visibleText,
  description: 'a text that can be shown'
})

const list = closed({ source: orNull(text), text, file: optional(text) })
const lists = Type.Array(list)

const foundPlace = closed({
  address: orNull(text),
  port: orNull(port),
  name: orNull(text),
  owner: orNull(text),
  tags: texts
})

const pace = closed({
  rate: optional(number),
  hostRate: optional(number),
  subnetRate: optional(number),
  concurrency: optional(number),
  perHost: optional(number),
  perSubnet: optional(number),
  window: optional(text)
})

const startTls = Type.Enum([...startTlsProtocols, 'auto', 'none'])

const probe = closed({
  timeoutMs: optional(from(1)),
  retries: optional(from(0)),
  starttls: optional(startTls),
  twin: optional(flag)
})

const scanRequest = closed({
  targets: lists,
  found: Type.Array(foundPlace),
  excluded: lists,
  doNotScan: lists,
  ports: orNull(text),
  names: lists,
  ptr: flag,
  certificateNames: flag,
  maxNames: from(1, 1_000),
  pace,
  probe,
  looks: closed({ deep: flag, ssh: flag, revocation: flag }),
  workers: from(0, 64),
  maxTargets: from(1),
  owner: orNull(text),
  tags: texts
})

const scanWatch = callbacks('watch', {
  scope: 'asks',
  progress: 'shows',
  endpoint: 'may-tell',
  look: 'may-tell',
  isBehind: 'lags'
})

const filters = {
  expiringMs: optional(from(0)),
  finding: optional(text),
  severity: optional(Type.Enum(['critical', 'warning', 'note'])),
  issuer: optional(text),
  key: optional(text),
  search: optional(text),
  certificate: optional(text),
  network: optional(text),
  port: optional(port),
  tag: optional(text),
  owner: optional(text),
  gone: optional(flag),
  sort: Type.Enum(['expiry', 'address', 'name', 'last-seen']),
  after: optional(text)
}

const schedule = closed({
  name: text,
  targets: texts,
  ports: text,
  every: text,
  window: orNull(text),
  pace: Type.Record(Type.String(), number)
})

const label = closed({
  place: text,
  name: optional(text),
  add: optional(texts),
  remove: optional(texts),
  owner: optional(orNull(text))
})

const secrets = value('secrets', Type.Record(Type.String(), Type.String()))
const pins = Type.Array(closed({ what: text, fingerprint: text }))
const sameMachine = Type.Enum(['allowed', 'refused'])
const deviceAddress = { connector: text, settings: Type.Unknown() }
const newDevice = closed({
  ...deviceAddress,
  name: text,
  secrets: Type.Record(Type.String(), Type.String()),
  pins,
  sameMachine: optional(sameMachine)
})
const deviceChange = closed({
  name: text,
  settings: Type.Unknown(),
  secrets: Type.Record(Type.String(), Type.String()),
  pins: orNull(pins),
  sameMachine: optional(sameMachine)
})

const login = Type.Union([
  closed({ version: Type.Literal('2c'), community: Type.String({ writeOnly: true }) }),
  closed({
    version: Type.Literal('3'),
    user: text,
    authentication: text,
    authenticationKey: Type.String({ writeOnly: true }),
    privacy: text,
    privacyKey: Type.String({ writeOnly: true })
  })
])

const newIssuer = closed({
  name: text,
  kind: Type.Enum(['acme', 'private-ca', 'manual', 'import']),
  settings: Type.Unknown(),
  secrets: Type.Record(Type.String(), Type.String())
})

const eventRequest = closed({
  action: Type.Enum(['request', 'renew', 'replace', 'reissue']),
  targets: texts,
  profile: text,
  startAt: orNull(text),
  hours: Type.Enum(['window', 'any']),
  approval: Type.Enum(['profile', 'needed', 'never']),
  requestedBy: caller
})

const approval = closed({ hash: text, by: caller, lostNames: Type.Enum(['accepted', 'refused']) })

const name = value('name', text)
const id = value('id', number)
const by = value('by', caller)

/**
 * What each function takes over the socket. Whoever reaches the socket is another process of this account, perhaps of
 * another version: nothing that is otherwise comes as far as a function.
 */
export const takings: Takings<Served> = {
  scan: [value('request', scanRequest), scanWatch, signal],
  resume: [id, scanWatch, signal],
  inventory: [value('query', closed({ ...filters, limit: from(1, 1_000_000) }))],
  endpoints: [value('query', closed(filters))],
  endpoint: [value('place', text)],
  certificates: [value('which', text)],
  scans: [],
  scanById: [id],
  prune: [value('keep', number)],
  schedules: [],
  addSchedule: [value('schedule', schedule), value('maxTargets', number)],
  removeSchedule: [name],
  label: [value('labels', Type.Array(label))],
  connectorForms: [],
  identifyDevice: [value('device', closed(deviceAddress)), signal],
  addDevice: [value('device', newDevice), signal],
  devices: [],
  deviceDetails: [name],
  changeDevice: [value('change', deviceChange)],
  checkDevice: [name, value('accept', orNull(pins)), signal],
  devicePins: [name, signal],
  discoverDevice: [name, signal],
  allowDevice: [name, value('allowed', Type.Enum(['writable', 'read-only']))],
  setDeviceSecrets: [name, secrets],
  removeDevice: [name],
  findDevices: [
    value('search', closed({ range: text, port: optional(port), login })),
    callbacks('watch', { progress: 'shows' }),
    signal
  ],
  issuerForms: [],
  addIssuer: [value('issuer', newIssuer)],
  issuers: [],
  issuerDetails: [name],
  checkIssuer: [name],
  removeIssuer: [name],
  importCertificate: [
    value('issuer', text),
    value('file', Type.String({ writeOnly: true })),
    value('password', orNull(Type.String({ writeOnly: true })))
  ],
  vaultState: [],
  rotateVault: [],
  changeVaultSource: [
    value('source', Type.Unknown()),
    value('passphrase', orNull(Type.String({ writeOnly: true })))
  ],
  putProfile: [name, value('content', Type.Unknown())],
  profiles: [],
  removeProfile: [name],
  assignProfile: [value('targets', texts), value('profile', orNull(text))],
  requestEvent: [value('request', eventRequest)],
  followEvent: [id, callbacks('watch', { happening: 'tells' }), signal],
  events: [value('query', closed({ open: flag, limit: from(1, 10_000), before: orNull(number) }))],
  eventById: [id],
  eventHistory: [id],
  eventPlans: [id],
  approveEvent: [id, value('approval', approval)],
  widenEvent: [id, by],
  cancelEvent: [id, by],
  giveUpEvent: [id, by],
  retryEvent: [id, by],
  eventRequests: [id],
  giveCertificate: [id, value('pem', text)],
  why: [value('target', text)]
}
