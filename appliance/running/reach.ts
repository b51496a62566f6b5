import { join } from 'node:path'
import type { Driving } from '../automation/driving.ts'
import type { Functions } from '../functions.ts'
import type { Places } from '../places.ts'
import { connectFunctions } from '../socket/client.ts'
import { openStandalone, type StandaloneOptions } from '../standalone/open.ts'
import { served, type Served } from './served.ts'

/** Where the running appliance of a state directory is reached. */
export function socketPath({ state }: Places): string {
  return join(state, 'tlsward.sock')
}

/** The functions as a command reaches them. */
export interface Reached extends Functions {
  /** the work of the automation in this process; null: `tlsward run` does it, also when this process is gone */
  readonly driving: Driving | null
}

/**
 * The functions of the appliance: of `tlsward run` where it is up on this state, which then is the one that writes;
 * else of this process. Faults: those of the store, state-unwritable when the running one belongs to another account.
 */
export async function openFunctionsHere(options: StandaloneOptions): Promise<Reached> {
  const remote = await connectFunctions<Served>(socketPath(options.where), served)
  if (!remote) return openStandalone(options)
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
