import { subnetOf, type Address } from '../../core/address.ts'
import type { Random } from '../../core/random.ts'
import { Host, Place, placeRules, Subnet, type PlaceRules } from './place.ts'
import { Fifo, Timetable } from './queues.ts'

/** How fast a scan may go. Rates are connections started per second; Infinity = no limit. */
export interface PaceLimits {
  readonly rate: number
  readonly concurrency: number
  /** per address */
  readonly hostRate: number
  /** per address; 1 = never two connections at once to one address */
  readonly hostConcurrency: number
  /** per /24 of IPv4 and /64 of IPv6 */
  readonly subnetRate: number
  readonly subnetConcurrency: number
  /** share, 0 … 1, by which the gaps of a limited rate vary up and down */
  readonly jitter: number
}

/**
 * How an item ended, as far as pace is concerned. `answered`: the host accepted and behaved. `closed`: a plain
 * closed port. `silent`: nothing came back. `reset`: the host accepted, then reset, or refused what followed.
 * `local`: this machine had no port or file descriptor left.
 */
export type End = 'answered' | 'closed' | 'silent' | 'reset' | 'local'

/** offered items that were not looked at yet: more would only take memory */
const freshLimit = 256
/** items that wait for a busy host or subnet: more are not taken in */
const parkedLimit = 65_536
/** idle hosts that are remembered for nothing but a few resets */
const rememberedLimit = 65_536

const hostBackOff = { bears: 2, firstMs: 1_000, doublings: 4 }
const subnetBackOff = { bears: 4, firstMs: 250, doublings: 1 }
const localBackOff = { bears: 0, firstMs: 100, doublings: 6 }
/** by how much each connection that came about raises a lowered ceiling */
const ceilingStep = 1 / 8

/**
 * Decides which connection may start now. Nothing here waits or reads the time: `now` is monotonic
 * milliseconds and never goes back.
 *
 * - Rates: in any span at most `rate × span + 1 + jitter + rate / 40` starts, in total, per host, per subnet.
 * - Order: items that waited go before new ones, and what is begun goes before both. A host or subnet that is
 *   busy, paced or paused holds back only its own items; they are parked until it is their turn. Only when
 *   65,536 are parked, no more are taken in.
 * - Back-off of a host: from the third `reset` in a row it is left alone, for 1, 2, 4, 8, at most 16 seconds.
 *   `answered` halves the count. `closed` and `silent` are normal in a scan and change nothing. A subnet is
 *   left alone likewise from the fifth of its hosts that reset, for 0.25 s, then 0.5 s each time: many a firewall
 *   resets for all of its hosts, and a scan of them must come to an end.
 * - `local`: nothing starts for 100 ms, the next time 200 ms, up to 6.4 s, and half as many may be in flight;
 *   the connections that come about afterwards raise that again.
 * - Memory: hosts and subnets are forgotten once they are idle and their rate and pauses allow; a few resets
 *   are remembered for 30 seconds.
 */
export class Gate<T extends { readonly address: Address }> {
  readonly #random: Random
  readonly #hostRules: PlaceRules
  readonly #subnetRules: PlaceRules
  /** subnets are limited: each is counted. Otherwise only those that made trouble are known */
  readonly #countsSubnets: boolean
  readonly #all: Place
  readonly #hosts = new Map<Address, Host<T>>()
  readonly #subnets = new Map<Address, Subnet<T>>()
  readonly #fresh = new Fifo<T>()
  /** places that something may wait for no longer, first come first served */
  readonly #ready = new Fifo<Host<T> | Subnet<T>>()
  /** places that something waits for, until rate or back-off allow */
  readonly #waits = new Timetable<Host<T> | Subnet<T>>()
  /** idle places until they may be forgotten */
  readonly #memory = new Timetable<Host<T> | Subnet<T>>()
  /** items in flight that were told to wait, and the place they wait for */
  readonly #owed = new Map<T, Place>()
  #parked = 0
  /** in flight at most, after this machine ran out of something */
  #ceiling = Infinity
  #easedUntil = -Infinity

  constructor(limits: PaceLimits, random: Random) {
    const { jitter } = limits
    this.#random = random
    this.#all = new Place(placeRules(limits.rate, limits.concurrency, jitter, localBackOff))
    this.#hostRules = placeRules(limits.hostRate, limits.hostConcurrency, jitter, hostBackOff)
    this.#subnetRules = placeRules(limits.subnetRate, limits.subnetConcurrency, jitter, subnetBackOff)
    this.#countsSubnets = limits.subnetRate < Infinity || limits.subnetConcurrency < Infinity
  }

  /** items between `next` and `done` */
  get inFlight(): number {
    return this.#all.inFlight
  }

  /** items between `offer` and `next` */
  get parked(): number {
    return this.#parked
  }

  /** hosts and subnets that are known: busy, waited for, or remembered */
  get known(): number {
    return this.#hosts.size + this.#subnets.size
  }

  /** May more items be offered? */
  wants(): boolean {
    return this.#fresh.size < freshLimit && this.#parked < parkedLimit
  }

  /** Takes an item in; `next` gives it, once, when its host and subnet are free. */
  offer(item: T): void {
    this.#fresh.push(item)
    this.#parked++
  }

  /** An item that may connect now. It is in flight from now on, and one connection is counted. */
  next(now: number): T | undefined {
    this.#bringDue(now)
    const all = this.#all
    if (all.inFlight >= this.#ceiling || !all.isFree(now)) return undefined
    return this.#fromReady(now) ?? this.#fromFresh(now)
  }

  /**
   * The item in flight wants one more connection; it keeps its place. 0: go now, it is counted. Otherwise the
   * milliseconds after which to ask again: until then, and a second longer, the turn is kept from new items.
   */
  again(item: T, now: number): number {
    const waited = this.#forgive(item)
    const host = this.#hostOf(item)
    const subnet = this.#subnetOf(host)
    // those who waited need not stand behind the others that wait
    const opens = (place: Place) => (waited ? place.opens : place.opensFor(now))
    let last: Place = this.#all
    if (opens(host) > opens(last)) last = host
    if (subnet && opens(subnet) > opens(last)) last = subnet
    const at = opens(last)
    if (at > now) {
      last.owe(at)
      this.#owed.set(item, last)
      return at - now
    }
    this.#count(host, subnet, now)
    return 0
  }

  /** The item's last connection ended so: frees its place. */
  done(item: T, now: number, end: End): void {
    const host = this.#hostOf(item)
    const subnet = this.#subnetOf(host)
    this.#forgive(item)
    this.#all.inFlight--
    host.inFlight--
    if (subnet && this.#countsSubnets) subnet.inFlight--
    if (end === 'reset') this.#backOff(host, subnet, now)
    else if (end === 'answered') {
      if (host.troubles > 0) host.calm()
      if (subnet && subnet.troubles > 0) subnet.calm()
    }
    if (end === 'local') this.#lowerCeiling(now)
    else if (this.#ceiling < Infinity) this.#raiseCeiling(now)
    this.#settle(host, now)
    if (subnet) this.#settle(subnet, now)
  }

  /** Milliseconds until `next` may give something: 0 = now, Infinity = only after an `offer` or a `done`. */
  wake(now: number): number {
    const all = this.#all
    if (all.inFlight >= Math.min(this.#ceiling, all.rules.concurrency)) return Infinity
    const at = this.#ready.size + this.#fresh.size > 0 ? now : (this.#waits.first?.at ?? Infinity)
    return Math.max(0, Math.max(at, all.opensFor(now)) - now)
  }

  #bringDue(now: number): void {
    this.#bringDueOf(this.#waits, now)
    this.#bringDueOf(this.#memory, now)
  }

  #bringDueOf(table: Timetable<Host<T> | Subnet<T>>, now: number): void {
    for (let place = table.first; place && place.at <= now; place = table.first) {
      table.remove(place)
      this.#settle(place, now)
    }
  }

  #fromReady(now: number): T | undefined {
    for (let place = this.#ready.shift(); place; place = this.#ready.shift()) {
      place.queued = false
      const item = place instanceof Host ? this.#fromHost(place, now) : this.#fromSubnet(place, now)
      if (item) return item
    }
    return undefined
  }

  #fromHost(host: Host<T>, now: number): T | undefined {
    const subnet = this.#subnetOf(host)
    if (host.isFree(now)) {
      if (!isBusy(subnet, now)) return this.#start(host, subnet, now)
      this.#line(host, subnet, now)
    } else this.#settle(host, now)
    return undefined
  }

  #fromSubnet(subnet: Subnet<T>, now: number): T | undefined {
    while (subnet.isFree(now)) {
      const host = subnet.waiting?.shift()
      if (!host) break
      host.queued = false
      if (host.isFree(now)) return this.#start(host, subnet, now)
      this.#settle(host, now)
    }
    this.#settle(subnet, now)
    return undefined
  }

  #fromFresh(now: number): T | undefined {
    for (let item = this.#fresh.shift(); item; item = this.#fresh.shift()) {
      const host = this.#hostOf(item)
      const waits = host.waiting !== undefined && host.waiting.size > 0
      if (!waits && host.isFree(now)) {
        const subnet = this.#subnetOf(host)
        if (!isBusy(subnet, now)) {
          this.#begin(host, subnet, now)
          return item
        }
        park(host, item)
        this.#line(host, subnet, now)
      } else {
        park(host, item)
        this.#settle(host, now)
      }
    }
    return undefined
  }

  /** puts the host in the line of those that wait for its subnet */
  #line(host: Host<T>, subnet: Subnet<T>, now: number): void {
    host.queued = true
    subnet.waiting ??= new Fifo()
    subnet.waiting.push(host)
    this.#settle(subnet, now)
  }

  /** starts the item that waited longest for the host */
  #start(host: Host<T>, subnet: Subnet<T> | undefined, now: number): T | undefined {
    const item = host.waiting?.shift()
    this.#begin(host, subnet, now)
    this.#settle(host, now)
    if (subnet) this.#settle(subnet, now)
    return item
  }

  #begin(host: Host<T>, subnet: Subnet<T> | undefined, now: number): void {
    this.#parked--
    this.#all.inFlight++
    host.inFlight++
    if (subnet && this.#countsSubnets) subnet.inFlight++
    this.#count(host, subnet, now)
  }

  #count(host: Host<T>, subnet: Subnet<T> | undefined, now: number): void {
    this.#all.start(now, this.#random)
    host.start(now, this.#random)
    subnet?.start(now, this.#random)
  }

  /** is the item one that was told to wait? it is no longer */
  #forgive(item: T): boolean {
    if (this.#owed.size === 0) return false
    const place = this.#owed.get(item)
    if (!place) return false
    this.#owed.delete(item)
    place.forgive()
    return true
  }

  #backOff(host: Host<T>, known: Subnet<T> | undefined, now: number): void {
    host.trouble(now)
    const subnet = known ?? this.#addSubnet(subnetOf(host.key))
    subnet.troubleBy(host.key, now)
    this.#settle(subnet, now)
  }

  // the failures of one moment have one cause: they count once
  #lowerCeiling(now: number): void {
    if (now < this.#easedUntil) return
    this.#all.trouble(now)
    this.#easedUntil = this.#all.opens
    this.#ceiling = Math.max(1, this.#all.inFlight >> 1)
  }

  #raiseCeiling(now: number): void {
    if (now < this.#easedUntil) return
    if (this.#all.troubles > 0) this.#all.calm()
    this.#ceiling += ceilingStep
    if (this.#ceiling >= this.#all.rules.concurrency) this.#ceiling = Infinity
  }

  /** notes when the place is to be looked at next: now, at a time, after a `done`, or never again */
  #settle(place: Host<T> | Subnet<T>, now: number): void {
    if (place.queued) return
    if (place.waiting === undefined || place.waiting.size === 0) return this.#rest(place, now)
    this.#memory.remove(place)
    if (place.inFlight >= place.rules.concurrency) return this.#waits.remove(place)
    const at = place.opensFor(now)
    if (at > now) return this.#waits.set(place, at)
    this.#waits.remove(place)
    place.queued = true
    this.#ready.push(place)
  }

  /** nothing waits for the place: it is forgotten when it is idle, now or when its pace allows */
  #rest(place: Host<T> | Subnet<T>, now: number): void {
    if (place.inFlight > 0) return
    const crowded = place.opens <= now && this.#memory.size >= rememberedLimit
    const until = crowded ? place.pacedUntil : place.rememberedUntil
    if (until > now) return this.#memory.set(place, until)
    this.#memory.remove(place)
    if (place instanceof Host) this.#hosts.delete(place.key)
    else this.#subnets.delete(place.key)
  }

  #hostOf({ address }: T): Host<T> {
    // a small integer is found several times faster in a Map than a number beyond 2^31
    const key = typeof address === 'number' ? address | 0 : address
    let host = this.#hosts.get(key)
    if (host) return host
    host = new Host<T>(key, this.#hostRules)
    this.#hosts.set(key, host)
    return host
  }

  #subnetOf(host: Host<T>): Subnet<T> | undefined {
    if (!this.#countsSubnets && this.#subnets.size === 0) return undefined
    const key = subnetOf(host.key)
    const subnet = this.#subnets.get(key)
    return subnet || !this.#countsSubnets ? subnet : this.#addSubnet(key)
  }

  #addSubnet(key: Address): Subnet<T> {
    const subnet = new Subnet<T>(key, this.#subnetRules)
    this.#subnets.set(key, subnet)
    return subnet
  }
}

/** must a host of the subnet wait? */
function isBusy<T>(subnet: Subnet<T> | undefined, now: number): subnet is Subnet<T> {
  if (!subnet) return false
  return (subnet.waiting !== undefined && subnet.waiting.size > 0) || !subnet.isFree(now)
}

function park<T>(host: Host<T>, item: T): void {
  host.waiting ??= new Fifo()
  host.waiting.push(item)
}
