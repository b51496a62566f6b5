import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Type, type Static } from 'typebox'
import { Fault } from '../core/fault.ts'
import { parser } from '../core/schema.ts'
import type { Places } from './places.ts'

/** Name of the file of settings, in its directory. */
export const settingsName = 'settings.json'

const Settings = Type.Object(
  {
    /** what may be asked of URLs that certificates name: nothing, servers on the public internet, or any server */
    outgoing: Type.Optional(Type.Enum(['no', 'public', 'any']))
  },
  { additionalProperties: false }
)
type Settings = Static<typeof Settings>

const parse = parser(Settings, 'settings-malformed')

/** The settings of the appliance; those that are not written down have their defaults. */
export function readSettings(where: Places): Required<Settings> {
  const file = join(where.config, settingsName)
  const defaults = { outgoing: 'no' } as const
  try {
    return { ...defaults, ...parse(JSON.parse(readFileSync(file, 'utf8'))) }
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return defaults
    const why = error instanceof Error ? error.message : String(error)
    throw new Fault(
      'settings-malformed',
      `The settings ${file} are not understood: ${why}. Correct the file, or remove it.`,
      { file },
      error
    )
  }
}
