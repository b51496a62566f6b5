import { join } from 'node:path'
import { sleep, type Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { holderName, type EngineHolder } from '../../sensor/store/engine-turn.ts'
import { checkState } from '../../sensor/store/store.ts'
import type { Driving } from '../automation/driving.ts'
import type { Functions } from '../functions.ts'
import type { Places } from '../places.ts'
import { connectFunctions } from '../socket/client.ts'
import { openStandalone, type StandaloneOptions } from '../standalone/open.ts'
import { served, type Served } from './served.ts'

/** What `tlsward run` calls itself for others that find it at work. */
export const runCommand = 'tlsward run'

const socketName = 'tlsward.sock'

/** Where the running appliance of a state directory is reached. */
export function socketPath({ state }: Places): string {
  return join(state, socketName)
}

/** Refuses a state, or a socket in it, of another account. Faults: state-foreign, state-unsafe, state-unwritable. */
export function checkPlace({ state }: Places): void {
  checkState(state, [socketName])
}

/** What reaching the appliance works with. */
export interface ReachOptions extends StandaloneOptions {
  readonly clock: Clock
}

/** one that starts or ends is waited for so long, and looked at so often, ms */
const patienceMs = 5_000
const lookMs = 100

/** The functions as a command reaches them. */
export interface Reached extends Functions {
  /** the work of the automation in this process; null: `tlsward run` does it, also when this process is gone */
  readonly driving: Driving | null
}

/**
 * The functions of the appliance: of `tlsward run` where it is up on this state, which then is the one that writes;
 * else of this process. Nothing is read or sent before it is known that the state and the socket are this account's, or
 * root's. Faults: those of the store, state-unsafe, state-foreign, socket-foreign, socket-silent when it is up and does
 * not answer: two must not write.
 */
export async function openFunctionsHere(options: ReachOptions): Promise<Reached> {
  const { where, clock } = options
  checkPlace(where)
  for (const end = clock.ticks() + patienceMs; ;) {
    const remote = await connectFunctions<Served>(socketPath(where), served, clock)
    if (remote) return withLocal(remote, options)
    const local = openStandalone(options)
    const holder = local.store.engineTurn.holder()
    if (holder?.command !== runCommand) return local
    await local.close()
    if (clock.ticks() > end) throw silent(where, holder)
    await sleep(clock, lookMs)
  }
}

function withLocal(remote: Served & { close(): Promise<void> }, options: StandaloneOptions): Reached {
  let local: Functions | undefined
  return {
    ...remote,
    driving: null,
    // a comparison is read from the store and changes nothing: it need not go through the socket
    async differences(from, to) {
      local ??= openStandalone(options)
      return local.differences(from, to)
    },
    async close() {
      await Promise.all([remote.close(), local?.close()])
    }
  }
}

function silent({ state }: Places, holder: EngineHolder): Fault {
  const message =
    `state ${state}: ${holderName(holder)} is up and does not answer: it starts or ends, or its socket was removed. ` +
    `Repeat it in a moment; if it stays so, end that process (kill ${holder.pid}) and start it again`
  return new Fault('socket-silent', message, { state, pid: holder.pid })
}
