import { asFault, Fault } from '../../core/fault.ts'
import type { Access, BoundPlan, Bundle, Journal, PlanOrder, Role, Session } from '../contract.ts'
import { activeOf, type ChangeTools, deployChange, undoChange } from './change.ts'
import { checkUnits, probeName } from './check.ts'
import { cleanChange } from './cleanup.ts'
import type { Client } from './client.ts'
import { deviceKeysOf } from './device-keys.ts'
import { bindings } from './discover.ts'
import { planChange } from './plan.ts'
import type { Profile } from './profiles.ts'
import { keys } from './readings.ts'
import type { KeyReply } from './replies.ts'
import { type Survey, surveyOf } from './survey.ts'
import { readyPair, roleOf, type Seat, seatOf } from './units.ts'
import { mayRemoveUploads } from './uploads.ts'
import { verifyChange } from './verify.ts'

/** Gives every token back; a unit that does not answer keeps it for its ten minutes. */
export async function closeAll(clients: readonly Client[]): Promise<void> {
  const { signal } = new AbortController()
  await Promise.allSettled(clients.map((client) => client.close(signal)))
}

/** how long what a plan has read serves other plans, and a verification, until something is written */
const sharedMs = 3_000

interface Read<T> {
  readonly value: T
  readonly at: number
}

/** A signed-in connection to one unit, or to the two of a pair. */
export class BigIpSession implements Session {
  readonly #access: Access
  readonly #clients: readonly Client[]
  /** of this login, for as long as it is signed in */
  #canRemoveUploads = new Map<Client, boolean>()
  readonly #keys = new Map<Client, readonly KeyReply[]>()
  #seat: Read<Seat> | undefined
  #survey: Read<Survey> | undefined
  #isOpen = true

  constructor(access: Access, clients: readonly Client[]) {
    this.#access = access
    this.#clients = clients
  }

  check(signal: AbortSignal) {
    return checkUnits(this.#clients, signal)
  }

  async role(signal: AbortSignal): Promise<Role> {
    const [first, other] = this.#clients
    if (!first) return 'single'
    const seat = await this.#seatOf(first, signal).catch((thrown: unknown) => {
      if (other && asFault(thrown).code === 'device-unreachable') return seatOf(other, signal)
      throw thrown
    })
    const role = roleOf(seat)
    // changes are made on the active one, whichever that is
    return role === 'standby' && other ? 'active' : role
  }

  async *discover(signal: AbortSignal) {
    this.#forget()
    const at = await activeOf(this.#clients, signal)
    yield* bindings(await surveyOf(at, signal), signal)
  }

  async plan(order: PlanOrder, signal: AbortSignal) {
    const { client, units } = await this.#planned(signal)
    const survey = await this.#surveyOf(client, signal)
    const canRemoveUploads = await this.#mayRemove(units > 1 ? this.#clients : [client], signal)
    const keysOf = (profile: Profile) => this.#keysOf(client, profile, signal)
    return planChange({ survey, units, canRemoveUploads, keysOf, signal }, order)
  }

  /** where a key is kept does not change under its name: it is asked once, while no other keys are named */
  async #keysOf(client: Client, { entries }: Profile, signal: AbortSignal): Promise<readonly KeyReply[]> {
    const known = this.#keys.get(client) ?? []
    const isKnown = entries.every(({ key }) => known.some(({ fullPath }) => fullPath === key))
    if (isKnown) return known
    const held = await keys(client, signal)
    this.#keys.set(client, held)
    return held
  }

  readonly deviceKeys = deviceKeysOf((signal) => {
    this.#forget()
    return this.#tools(signal)
  })

  async deploy(plan: BoundPlan, bundle: Bundle, journal: Journal, signal: AbortSignal) {
    this.#forget()
    await deployChange(this.#tools(signal), { plan, bundle, journal })
  }

  verify(plan: BoundPlan, signal: AbortSignal) {
    // what a plan has just read was read after everything that was written in this session
    const survey = this.#isFresh(this.#survey) ? this.#survey.value : undefined
    const read = survey && { profile: survey.profiles.get(plan.target), certificates: survey.certificates }
    return verifyChange(this.#tools(signal), plan, read)
  }

  async rollback(plan: BoundPlan, journal: Journal, signal: AbortSignal) {
    this.#forget()
    await undoChange(this.#tools(signal), plan, journal)
  }

  cleanup(plan: BoundPlan, keep: number, journal: Journal, signal: AbortSignal) {
    this.#forget()
    return cleanChange(this.#tools(signal), { plan, keep, journal })
  }

  isOpen() {
    // a connection that was closed is opened again, by the same token
    return this.#isOpen
  }

  async close() {
    this.#isOpen = false
    await closeAll(this.#clients)
  }

  #tools(signal: AbortSignal): ChangeTools {
    const { clock, log } = this.#access
    return { clients: this.#clients, clock, log, signal }
  }

  /** what was read of the configuration; where a unit stands no write of ours changes */
  #forget(): void {
    this.#survey = undefined
  }

  #isFresh<T>(read: Read<T> | undefined): read is Read<T> {
    return read !== undefined && this.#access.clock.ticks() - read.at < sharedMs
  }

  async #seatOf(client: Client, signal: AbortSignal): Promise<Seat> {
    if (this.#isFresh(this.#seat) && this.#seat.value.client === client) return this.#seat.value
    const at = this.#access.clock.ticks()
    const value = await seatOf(client, signal)
    this.#seat = { value, at }
    return value
  }

  async #surveyOf(client: Client, signal: AbortSignal): Promise<Survey> {
    if (this.#isFresh(this.#survey) && this.#survey.value.client === client) return this.#survey.value
    const at = this.#access.clock.ticks()
    const value = await surveyOf(client, signal)
    this.#survey = { value, at }
    return value
  }

  /** the unit that a plan is made on, and how many the change has to reach */
  async #planned(signal: AbortSignal): Promise<{ readonly client: Client; readonly units: number }> {
    const [first, other] = this.#clients
    if (!first) throw new Fault('settings-malformed', 'The device has no address.', { field: 'address' })
    if (!other) {
      const seat = await this.#seatOf(first, signal)
      if (roleOf(seat) === 'single') return { client: first, units: 1 }
      throw new Fault(
        'device-refused',
        `${first.name} (${seat.name}) is one of several units: give the address of the other one (peerAddress), so that both can be brought in sync.`
      )
    }
    const { clock } = this.#access
    const { lead } = await readyPair(this.#clients, { begun: false, clock, signal })
    return { client: lead.client, units: this.#clients.length }
  }

  async #mayRemove(clients: readonly Client[], signal: AbortSignal): Promise<boolean> {
    for (const client of clients) {
      const known = this.#canRemoveUploads.get(client) ?? (await mayRemoveUploads(client, probeName, signal))
      this.#canRemoveUploads.set(client, known)
      if (!known) return false
    }
    return true
  }
}
