import { Fault } from '../../../core/fault.ts'
import type { Reached } from '../../running/reach.ts'
import type { FollowOptions } from './follow.ts'

/**
 * Refuses to leave to `tlsward run` what nobody would go on with; what begins at a later time may be left to one that is
 * up by then. Throws run-missing.
 */
export function checkNoWait(
  { driving }: Pick<Reached, 'driving'>,
  { wait }: FollowOptions,
  isLater: boolean
): void {
  if (wait !== false || driving === null || isLater) return
  throw new Fault(
    'run-missing',
    '--no-wait leaves the rest to tlsward run, and none is up on this state. Start it, or leave --no-wait out: then this command does it.'
  )
}
