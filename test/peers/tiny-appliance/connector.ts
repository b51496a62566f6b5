import { hash } from 'node:crypto'
import { type Static, Type } from 'typebox'
import {
  type Access,
  type Binding,
  type BoundPlan,
  type Connector,
  newName,
  type Plan,
  type PlanOrder,
  type ServedAt,
  type Session,
  type Slot,
  type Verdict
} from '../../../connectors/contract.ts'
import { type CheckedPair, checkBundle } from '../../../connectors/shared/pair.ts'
import { backward, forward, planned, type Step } from '../../../connectors/shared/steps.ts'
import { Fault } from '../../../core/fault.ts'
import { parser } from '../../../core/schema.ts'
import { ChainCertificate } from '../../../pki/chain-certificate.ts'
import { readPem } from '../../../pki/pem.ts'
import { type Api, type ApiCertificate, type ApiSite, createApi, pinOf } from './client.ts'

const settingsSchema = Type.Object(
  {
    address: Type.String({ title: 'Address', description: 'IP address or name of the API.', minLength: 1 }),
    port: Type.Optional(Type.Integer({ title: 'Port of the API', minimum: 1, maximum: 65_535, default: 443 }))
  },
  { additionalProperties: false }
)
const parseSettings = parser(settingsSchema, 'settings-malformed')

/** The example of docs/connector-guide.md: a small load balancer with an HTTP API. */
export const tinyAppliance: Connector = {
  id: 'tiny-appliance',
  title: 'Tiny Appliance',
  traits: { atomicSwap: true, explicitSave: true, lock: 'device' },
  settings: settingsSchema,
  secrets: [{ name: 'token', title: 'API token', hint: 'With the right to change sites.', multiline: false }],
  identify: async ({ settings }, signal) => [await pinOf(placeOf(settings), signal)],
  async connect(access, signal) {
    const place = placeOf(access.settings)
    const token = access.secret('token')
    if (!token)
      throw new Fault('settings-malformed', 'The device has no token: give one.', { field: 'token' })
    const api = createApi({ ...place, pins: access.pins, token })
    // the first call shows whether pin and token are right: connect must not succeed without
    await api.system(signal)
    return session({ api, address: place.address, clock: access.clock })
  }
}

function placeOf(settings: Access['settings']): Required<Static<typeof settingsSchema>> {
  return { port: 443, ...parseSettings(settings) }
}

interface Device {
  readonly api: Api
  /** where the sites are served, too */
  readonly address: string
  readonly clock: Access['clock']
}

function session(device: Device): Session {
  return {
    check: (signal) => check(device, signal),
    // the example has no partner
    role: () => Promise.resolve('single'),
    discover: (signal) => discover(device, signal),
    plan: (order, signal) => planFor(device, order, signal),
    async deploy(plan, bundle, journal, signal) {
      // a certificate with the key of another, or a broken chain, never gets as far as the device
      const [pair] = checkBundle(plan, bundle, device.clock.now())
      await checkUnchanged(device, plan, signal)
      await forward(stepsOf(factsOf(plan)), { device, pair, signal }, journal)
    },
    verify: (plan, signal) => verify(device, plan, signal),
    rollback: (plan, journal, signal) =>
      backward(stepsOf(factsOf(plan)), { device, pair: undefined, signal }, journal),
    cleanup: (plan, keep, _, signal) => cleanup(device, { plan, keep }, signal),
    // each call is a connection of its own
    isOpen: () => true,
    close: () => Promise.resolve()
  }
}

async function check({ api }: Device, signal: AbortSignal): ReturnType<Session['check']> {
  const { product, version, unsaved } = await api.system(signal)
  const notes = unsaved.length > 0 ? [`Not saved by somebody: ${unsaved.join(', ')}`] : []
  const rights = [{ what: 'sign in to the API', granted: true, remedy: null }]
  return { product, version, role: 'single', rights, notes }
}

/** What a site holds, and everything that is said of it. */
interface Place {
  readonly site: ApiSite
  readonly slot: Slot
}

async function placesOf({ api }: Device, signal: AbortSignal): Promise<Place[]> {
  const certificates = await api.certificates(signal)
  return (await api.sites(signal)).flatMap((site) => {
    const held = certificates.find(({ name }) => name === site.certificate)
    return held ? [{ site, slot: slotOf(held) }] : []
  })
}

function slotOf({ name, chain }: ApiCertificate): Slot {
  const [leaf] = readPem(chain)
  if (!leaf) throw new Fault('device-malformed', `The certificate ${name} of the device is no PEM.`)
  const { fields } = new ChainCertificate(leaf.der)
  const { fingerprint, dnsNames, notAfter, keyType } = fields
  const families: Readonly<Record<string, Slot['family']>> = { RSA: 'rsa', ECDSA: 'ecdsa' }
  return { family: families[keyType] ?? 'other', fingerprint, object: name, names: dnsNames, notAfter }
}

function servedAt({ address }: Device, { port, names }: ApiSite): ServedAt[] {
  return names.map((name) => ({ address, port, name, starttls: null }))
}

async function* discover(device: Device, signal: AbortSignal): AsyncGenerator<readonly Binding[]> {
  yield (await placesOf(device, signal)).map(({ site, slot }) => ({
    target: site.site,
    title: `site ${site.site}`,
    kind: 'site',
    slots: [slot],
    served: servedAt(device, site),
    shares: [],
    unmanaged:
      site.renewal === 'acme'
        ? { code: 'managed-elsewhere', why: 'the appliance renews it by itself (ACME)' }
        : null
  }))
}

/** What deploy, verify and rollback need; it goes into the plan. */
interface Facts {
  readonly site: string
  /** object that the site names now */
  readonly former: string
  readonly formerFingerprint: string
  /** object that it will name */
  readonly fresh: string
}

const factsOf = ({ facts }: Plan) => facts as unknown as Facts

async function planFor(device: Device, order: PlanOrder, signal: AbortSignal): Promise<Plan> {
  const { target, families } = order
  const places = await placesOf(device, signal)
  const place = places.find(({ site }) => site.site === target)
  if (!place) throw new Fault('target-missing', `The appliance has no site ${target} (any more).`)
  const { site, slot } = place
  if (site.renewal === 'acme') {
    throw new Fault('device-managed-elsewhere', `The appliance renews the site ${target} by itself (ACME).`)
  }
  const [family] = families
  if (!family || families.length > 1) {
    throw new Fault(
      'device-unsupported',
      `The site ${target} holds one kind of key, not ${families.join(' and ')}.`
    )
  }
  const { unsaved } = await device.api.system(signal)
  const facts: Facts = {
    site: target,
    former: site.certificate,
    formerFingerprint: slot.fingerprint,
    fresh: `${ours(target)}${newName(family)}`
  }
  return {
    connector: tinyAppliance.id,
    target,
    families,
    steps: planned(stepsOf(facts)),
    before: [slot],
    served: servedAt(device, site),
    neighbours: places.filter((other) => other !== place).flatMap((other) => servedAt(device, other.site)),
    shares: [],
    warnings: unsaved.length > 0 ? [`saves also what others have changed: ${unsaved.join(', ')}`] : [],
    state: hash('sha256', JSON.stringify([site.certificate, slot.fingerprint]), 'hex'),
    facts: { ...facts }
  }
}

/** objects that we have made for a site begin so, and end with 16 hex digits */
const ours = (site: string) => `tlsward-${site}-`

function isOurs(site: string, object: string): boolean {
  return object.startsWith(ours(site)) && /^[0-9a-f]{16}$/.test(object.slice(ours(site).length))
}

interface Work {
  readonly device: Device
  /** undefined while it is undone: no step back needs a key */
  readonly pair: CheckedPair | undefined
  readonly signal: AbortSignal
}

/** Each looks before it acts, and acts only where there is something to do: that makes it safe to repeat. */
function stepsOf({ site, former, fresh }: Facts): Step<Work>[] {
  return [
    {
      id: 'upload',
      says: `upload the certificate as ${fresh}`,
      async apply({ device: { api }, pair, signal }) {
        if (!pair || (await find(api, fresh, signal))) return
        const { leaf, chain, key } = pair
        const body = { chain: leaf + chain, key }
        await api.act({ method: 'PUT', path: ['certificates', fresh], body }, signal)
      },
      async undo({ device: { api }, signal }) {
        if (await find(api, fresh, signal)) {
          await api.act({ method: 'DELETE', path: ['certificates', fresh] }, signal)
        }
        // the key is to be gone from what is saved, too
        await saveIf(api, [`certificates/${fresh}`], signal)
      }
    },
    {
      id: 'switch',
      says: `let site ${site} show it instead of ${former}`,
      apply: ({ device: { api }, signal }) => bind(api, { site, from: former, to: fresh }, signal),
      undo: ({ device: { api }, signal }) => bind(api, { site, from: fresh, to: former }, signal)
    },
    {
      id: 'save',
      says: 'save the configuration',
      apply: ({ device: { api }, signal }) => saveIf(api, [`sites/${site}`, `certificates/${fresh}`], signal),
      // what is saved is put right at the end, when the other steps are undone
      undo: () => Promise.resolve()
    }
  ]
}

async function find(api: Api, name: string, signal: AbortSignal): Promise<ApiCertificate | undefined> {
  return (await api.certificates(signal)).find((one) => one.name === name)
}

interface Rebinding {
  readonly site: string
  readonly from: string
  readonly to: string
}

async function bind(api: Api, { site, from, to }: Rebinding, signal: AbortSignal): Promise<void> {
  const now = (await api.sites(signal)).find((one) => one.site === site)?.certificate
  // somebody else's certificate is not ours to take away
  if (now !== from) return
  await api.act({ method: 'PUT', path: ['sites', site], body: { certificate: to } }, signal)
}

/** Saves when one of these is not saved yet: what others have changed is theirs to save. */
async function saveIf(api: Api, parts: readonly string[], signal: AbortSignal): Promise<void> {
  const { unsaved } = await api.system(signal)
  if (unsaved.some((part) => parts.includes(part))) await api.act({ method: 'POST', path: ['save'] }, signal)
}

/** Is the site as it was planned with, or already as it will be? Throws device-changed. */
async function checkUnchanged(device: Device, plan: BoundPlan, signal: AbortSignal): Promise<void> {
  const { former, formerFingerprint, fresh } = factsOf(plan)
  const slot = await slotNow(device, plan, signal)
  if (slot?.object === former && slot.fingerprint === formerFingerprint) return
  if (slot?.object === fresh && isNew(plan, slot)) return
  throw new Fault('device-changed', `Site ${plan.target} shows ${slot?.object ?? 'nothing'}, not ${former}.`)
}

async function slotNow(device: Device, { target }: Plan, signal: AbortSignal): Promise<Slot | undefined> {
  return (await placesOf(device, signal)).find(({ site }) => site.site === target)?.slot
}

function isNew({ bound }: BoundPlan, { fingerprint }: Slot): boolean {
  return Object.values(bound).includes(fingerprint)
}

async function verify(device: Device, plan: BoundPlan, signal: AbortSignal): Promise<Verdict> {
  const { site } = factsOf(plan)
  const slot = await slotNow(device, plan, signal)
  // whatever the object is called: what was there before the plan may be what is wanted
  if (!slot || !isNew(plan, slot)) {
    const wanted = Object.values(plan.bound).join(', ')
    return { state: 'differs', why: [`site ${site} shows ${slot?.fingerprint ?? 'nothing'}, not ${wanted}`] }
  }
  const { unsaved } = await device.api.system(signal)
  const mine = unsaved.filter((name) => name === `sites/${site}` || name === `certificates/${slot.object}`)
  if (mine.length === 0) return { state: 'in-place' }
  return { state: 'differs', why: [`not saved: ${mine.join(', ')}`] }
}

async function cleanup(
  { api }: Device,
  { plan, keep }: { readonly plan: BoundPlan; readonly keep: number },
  signal: AbortSignal
): Promise<readonly string[]> {
  const { site } = factsOf(plan)
  const used = new Set((await api.sites(signal)).map(({ certificate }) => certificate))
  const former = (await api.certificates(signal))
    .filter(({ name }) => isOurs(site, name) && !used.has(name))
    .toSorted((a, b) => b.number - a.number)
  const removed = former.slice(keep).map(({ name }) => name)
  for (const name of removed) await api.act({ method: 'DELETE', path: ['certificates', name] }, signal)
  // also what a clean-up removed that was cut before it saved
  const { unsaved } = await api.system(signal)
  const mine = unsaved.filter((part) => isOurs(site, part.replace('certificates/', '')))
  await saveIf(api, mine, signal)
  return removed
}
