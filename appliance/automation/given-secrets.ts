import type { SecretField } from '../../connectors/contract.ts'
import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import type { SecretValues } from '../automation-functions.ts'

/**
 * Refuses secrets of a name that whoever would get them does not know: they would be kept, and never used. The values
 * are not shown. Throws option-malformed.
 */
export function checkSecretNames(
  whose: string,
  fields: readonly Pick<SecretField, 'name'>[],
  values: SecretValues
): void {
  const known = fields.map(({ name }) => name)
  for (const name of Object.keys(values)) {
    if (known.includes(name)) continue
    const remedy = known.length === 0 ? 'leave it out: it has none' : `write one of ${known.join(', ')}`
    const message = `secret ${visible(name, 80)}: ${whose} has none of this name; ${remedy}`
    throw new Fault('option-malformed', message, { field: visible(name, 80) })
  }
}
