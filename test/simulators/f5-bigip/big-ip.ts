import { type Clock, systemClock } from '../../../core/clock.ts'
import { type Random, systemRandom } from '../../../core/random.ts'
import { createCertificate } from '../../peers/certificates.ts'
import type { Account } from './accounts.ts'
import type { FailoverState, Member } from './availability.ts'
import type { DeviceGroup } from './device-group.ts'
import { downloads } from './disk.ts'
import type { Faults } from './faults.ts'
import type { JsonObject } from './json.ts'
import { type KeyPlace, keyPlaces, placesHolding } from './key-search.ts'
import { Management } from './management.ts'
import { segmentsOf } from './names.ts'
import type { LoggedRequest } from './request-log.ts'
import { type RestWorld, restOf } from './rest.ts'
import { Saving } from './saving.ts'
import { type Seed, seeded } from './seed.ts'
import { System } from './system.ts'
import { answerTm, commit } from './tm.ts'
import { type Token, Tokens } from './tokens.ts'
import { Traffic } from './traffic.ts'
import { Transactions } from './transactions.ts'
import { Uploads } from './uploads.ts'

/** What a unit is started with. */
export interface BigIpOptions {
  readonly seed?: Seed
  /** default bigip-a.example */
  readonly hostname?: string
  /** default 16.1.4 */
  readonly version?: string
  /** of the management interface; default 127.0.0.1, a free port */
  readonly host?: string
  readonly port?: number
  /** local users; default {@link demoAccounts} */
  readonly accounts?: readonly Account[]
  /** what tokens, transactions, dates and delays go by */
  readonly clock?: Clock
  readonly random?: Random
  /** false: it begins as standby */
  readonly isActive?: boolean
  /** how long saving takes; default 5 ms */
  readonly saveMs?: number
}

/** One user of each role; the passwords are for everybody to read. */
export const demoAccounts: readonly Account[] = [
  { name: 'admin', password: 'demo-Admin-1', role: 'admin', partition: 'all-partitions' },
  { name: 'resource', password: 'demo-Resource-1', role: 'resource-admin', partition: 'all-partitions' },
  { name: 'certs', password: 'demo-Certs-1', role: 'certificate-manager', partition: 'all-partitions' },
  { name: 'manager', password: 'demo-Manager-1', role: 'manager', partition: 'Common' },
  { name: 'operator', password: 'demo-Operator-1', role: 'operator', partition: 'all-partitions' },
  { name: 'guest', password: 'demo-Guest-1', role: 'guest', partition: 'all-partitions' }
]

/** A simulated BIG-IP: its management and its traffic really listen, and a test pulls its strings. */
export class BigIp {
  readonly hostname: string
  readonly host: string
  /** of the management interface, PEM */
  readonly certificate: string
  readonly system: System
  /** null: it stands alone */
  group: DeviceGroup | null = null
  /** the others of its group */
  peers: readonly BigIp[] = []
  state: FailoverState
  readonly #world: RestWorld
  readonly #traffic: Traffic
  #management: Management | null = null

  private constructor(options: BigIpOptions) {
    const { hostname = 'bigip-a.example', version = '16.1.4', host = '127.0.0.1' } = options
    const { clock = systemClock, random = systemRandom, accounts = demoAccounts, saveMs = 5 } = options
    this.hostname = hostname
    this.host = host
    this.state = options.isActive === false ? 'standby' : 'active'
    const own = createCertificate({ names: [hostname], ips: [host], key: 'rsa2048' })
    this.certificate = own.pem
    const now = () => clock.now()
    const configuration = seeded(options.seed ?? {}, { now: now(), version })
    const system = new System({ hostname, version, clock, configuration })
    system.disk.write('/config/httpd/conf/ssl.crt/server.crt', own.pem)
    system.disk.write('/config/httpd/conf/ssl.key/server.key', own.keyPem)
    this.system = system
    this.#traffic = new Traffic(({ isFloating }) => this.state === 'active' || !isFloating)
    this.#world = {
      system,
      accounts,
      availability: { members: () => this.#members(), group: () => this.group },
      tokens: new Tokens(now, (count) => random.bytes(count)),
      uploads: new Uploads(system.disk, now),
      saving: new Saving(system, { clock, takesMs: saveMs }),
      transactions: new Transactions({
        version,
        now,
        commit: (work) => commit(system, work)
      }),
      standBy: () => this.failover()
    }
    system.changed = async (how) => {
      await this.#traffic.settle(system.running)
      if (how === 'here') this.group?.noteChange(system)
      if (how === 'reverted') this.group?.noteReversion(system)
    }
  }

  /** Starts management and traffic. */
  static async start(options: BigIpOptions = {}): Promise<BigIp> {
    const unit = new BigIp(options)
    const { clock = systemClock, port = 0 } = options
    const keyPem = unit.system.disk.read('/config/httpd/conf/ssl.key/server.key') ?? ''
    unit.#management = await Management.start({
      host: unit.host,
      port,
      cert: unit.certificate,
      key: keyPem,
      clock,
      answering: restOf(unit.#world)
    })
    await unit.settle()
    return unit
  }

  get #open(): Management {
    if (!this.#management) throw new Error('the unit is not started')
    return this.#management
  }

  /** of the management interface */
  get port(): number {
    return this.#open.port
  }

  get url(): string {
    return `https://${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.port}`
  }

  get faults(): Faults {
    return this.#open.faults
  }

  /** every request, the oldest first */
  get requests(): readonly LoggedRequest[] {
    return this.#open.log
  }

  /** connections to the management interface that are open */
  get connections(): number {
    return this.#open.connections
  }

  /** tokens that still let somebody in */
  get tokens(): readonly Token[] {
    return this.#world.tokens.live
  }

  /** ids of transactions that are neither done nor over */
  get transactions(): readonly number[] {
    return this.#world.transactions.open
  }

  /** Files in the downloads folder, by path; text, a character for each byte. */
  get uploads(): Readonly<Record<string, string>> {
    const inside = [...this.system.disk.files].filter(([path]) => path.startsWith(`${downloads}/`))
    return Object.fromEntries(inside)
  }

  /** What runs and what is saved, as plain data without what changes by itself. */
  snapshot(): ReturnType<System['snapshot']> {
    return this.system.snapshot()
  }

  /** Where on the unit a private key (PEM) lies: files, uploads that are not whole, objects that run or are saved. */
  placesOfKey(pem: string): string[] {
    const { disk, running, saved } = this.system
    const plain = (name: string, content: string): KeyPlace => ({ name, content, passphrase: null })
    return placesHolding(pem, [
      ...[...disk.files].map(([path, content]) => plain(path, content)),
      ...this.#world.uploads.unfinished.map((content) => plain('unfinished upload', content)),
      ...keyPlaces('running', running),
      ...keyPlaces('saved', saved)
    ])
  }

  holdsKey(pem: string): boolean {
    return this.placesOfKey(pem).length > 0
  }

  /** Why virtual servers do not listen, by full path. */
  get unserved(): ReadonlyMap<string, string> {
    return this.#traffic.unserved
  }

  /** An administrator does something without the network: path below /mgmt/tm. Throws what would be refused. */
  act(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body: JsonObject = {}
  ): Promise<JsonObject | null> {
    return answerTm(this.#world, {
      method,
      path: `/mgmt/tm/${path}`,
      segments: segmentsOf(path),
      query: new URLSearchParams(),
      body,
      caller: this.#world.accounts.find(({ role }) => role === 'admin') ?? demoAccount,
      transaction: undefined
    })
  }

  /** Makes what listens what it ought to be. */
  settle(): Promise<void> {
    return this.#traffic.settle(this.system.running)
  }

  /** What is not saved is lost, and so are tokens, transactions and connections; files stay. */
  async reboot(): Promise<void> {
    this.#open.hangUp()
    this.#traffic.hangUp()
    const { tokens, transactions, uploads } = this.#world
    tokens.forgetAll()
    transactions.forgetAll()
    uploads.forgetUnfinished()
    if (this.state === 'active' && this.peers.length > 0) await this.failover()
    const isLost = this.system.running !== this.system.saved
    if (isLost) await this.system.load('reverted')
  }

  /** The daemon that keeps the tokens starts anew: nobody is signed in any more. */
  forgetTokens(): void {
    this.#world.tokens.forgetAll()
  }

  /** The active unit of the group becomes standby and its peer active; a unit alone stays what it is. */
  async failover(): Promise<void> {
    const all = [this, ...this.peers]
    const old = all.find(({ state }) => state === 'active')
    const next = all.find(({ state }) => state === 'standby')
    if (!old || !next) return
    await old.become('standby')
    await next.become('active')
  }

  /** Says of itself that it is something else, and serves accordingly. */
  async become(state: FailoverState): Promise<void> {
    this.state = state
    await this.settle()
  }

  /** The management network: `cut` breaks connections, `silent` lets them hang. Traffic goes on. */
  cut(how: 'cut' | 'silent' = 'cut'): void {
    this.#open.cut(how)
  }

  mend(): void {
    this.#open.mend()
  }

  async stop(): Promise<void> {
    await this.group?.settled()
    await this.#open.stop()
    await this.#traffic.stop()
  }

  #members(): Member[] {
    return [this, ...this.peers].map((unit) => ({
      system: unit.system,
      state: () => unit.state,
      managementIp: unit.host
    }))
  }
}

const demoAccount: Account = { name: 'root', password: '', role: 'admin', partition: 'all-partitions' }
