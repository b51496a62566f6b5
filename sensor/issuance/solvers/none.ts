import { Fault } from '../../../core/fault.ts'
import { visible } from '../../../core/text.ts'
import type { Solver } from './solver.ts'

/**
 * For CAs that have validated the names beforehand: there is nothing to answer, and a challenge means that a name was
 * not among them. Fault challenge-unfit.
 */
export function noSolver(): Solver {
  return {
    type: 'none',
    present: ({ name, type }) =>
      Promise.reject(
        new Fault(
          'challenge-unfit',
          `The CA wants a proof (${type}) for ${visible(name)}, which should be validated with it already. ` +
            'Validate the name there, or choose a way to prove it.',
          { name: visible(name), type }
        )
      ),
    cleanup: () => Promise.resolve()
  }
}
