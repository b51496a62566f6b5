import { type Address, formatAddress } from '../../core/address.ts'
import { sleep } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { type Identification, type IdentifyDeps, type SnmpCredentials, identify } from './snmp.ts'

/** Addresses to ask, both ends included, of one family. */
export interface AddressRange {
  readonly first: Address
  readonly last: Address
}

/** How a range is asked. */
export interface RangeWishes {
  readonly credentials: SnmpCredentials
  /** default 161 */
  readonly port?: number
  /** agents that are waited for at once */
  readonly atOnce: number
  /** agents that are begun in a second */
  readonly perSecond: number
  /** addresses that nothing may be sent to */
  readonly isExcluded?: (address: Address) => boolean
}

/** What one address said, and how far the range is. */
export interface Identified {
  readonly address: string
  readonly identification: Identification
  /** addresses that are through, this one included, and all that are to be asked or were excluded */
  readonly done: number
  readonly total: number
}

/** More would take days at a polite pace: name the networks where devices are. */
const mostAddresses = 1 << 20

/**
 * Asks every address of a range, and gives each as it is through. An abort of the signal ends it early, as does
 * leaving the loop; nothing is sent after that. Faults: target-reversed, target-too-large, target-ipv6-range for ends
 * of two families, and those of {@link identify}.
 */
export async function* identifyRange(
  range: AddressRange,
  wishes: RangeWishes,
  deps: IdentifyDeps
): AsyncGenerator<Identified, void, undefined> {
  const total = sizeOf(range)
  const { clock } = deps
  const stop = new AbortController()
  const signal = deps.signal ? AbortSignal.any([deps.signal, stop.signal]) : stop.signal
  const running = new Map<Address, Promise<[Address, Identification]>>()
  let done = 0
  // undefined: it was aborted meanwhile, and what came of the questions under way says nothing
  const through = async (): Promise<Identified | undefined> => {
    const [address, identification] = await Promise.race(running.values())
    if (signal.aborted) return undefined
    running.delete(address)
    return { address: formatAddress(address), identification, done: ++done, total }
  }
  let earliest = clock.ticks()
  try {
    for (const address of addresses(range)) {
      if (wishes.isExcluded?.(address)) {
        done++
        continue
      }
      while (running.size >= wishes.atOnce) {
        const one = await through()
        if (!one) return
        yield one
      }
      for (
        let wait = earliest - clock.ticks();
        wait > 0 && !signal.aborted;
        wait = earliest - clock.ticks()
      ) {
        const isThrough = await Promise.race([sleep(clock, wait, signal), ...running.values()])
        const one = isThrough ? await through() : undefined
        if (one) yield one
      }
      if (signal.aborted) return
      earliest = Math.max(earliest, clock.ticks()) + 1_000 / wishes.perSecond
      running.set(address, ask(address, wishes, { ...deps, signal }))
    }
    while (running.size > 0) {
      const one = await through()
      if (!one) return
      yield one
    }
  } finally {
    stop.abort()
    await Promise.allSettled(running.values())
  }
}

async function ask(
  address: Address,
  { credentials, port = 161 }: RangeWishes,
  deps: IdentifyDeps
): Promise<[Address, Identification]> {
  return [address, await identify({ address: formatAddress(address), port, credentials }, deps)]
}

function sizeOf({ first, last }: AddressRange): number {
  const [from, to] = [formatAddress(first), formatAddress(last)]
  if (typeof first !== typeof last) {
    const message = `range ${from}-${to}: its ends are of two families; give two ranges`
    throw new Fault('target-ipv6-range', message, { from, to })
  }
  if (first > last) {
    throw new Fault('target-reversed', `range ${from}-${to}: write the lower address first`, { from, to })
  }
  const size = BigInt(last) - BigInt(first) + 1n
  if (size <= mostAddresses) return Number(size)
  const message = `range ${from}-${to}: it has ${size} addresses, more than ${mostAddresses}; name smaller networks`
  throw new Fault('target-too-large', message, { from, to })
}

function* addresses({ first, last }: AddressRange): Generator<Address> {
  if (typeof first === 'number') for (let at = first; at <= Number(last); at++) yield at
  else for (let at = first; at <= BigInt(last); at++) yield at
}
