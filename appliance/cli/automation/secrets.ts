import { Fault } from '../../../core/fault.ts'
import type { SecretField } from '../../../connectors/contract.ts'
import type { SecretValues } from '../../automation-functions.ts'
import { askSecret } from '../ask-secret.ts'
import { readText } from '../files.ts'
import { malformed } from '../options.ts'

/** Where secrets come from: never from arguments. */
export interface SecretOptions {
  /** NAME=FILE each; `-` is standard input */
  readonly secretFile?: readonly string[]
}

/**
 * The secrets that a person gives: from the files that were named, and for the other fields by a question on the
 * terminal. Throws option-malformed for a name that is none, file-unreadable.
 */
export async function readSecrets(
  fields: readonly Pick<SecretField, 'name' | 'title' | 'hint' | 'multiline'>[],
  { secretFile = [] }: SecretOptions
): Promise<SecretValues> {
  const values: Record<string, string> = {}
  for (const text of secretFile) {
    const [, name = '', file = ''] = /^([^=]+)=(.+)$/s.exec(text) ?? []
    if (!fields.some((field) => field.name === name)) {
      const known = fields.map((field) => field.name).join(', ')
      throw malformed('--secret-file', text, `write NAME=FILE, with one of these names: ${known}`)
    }
    values[name] = readText('--secret-file', file).replace(/\r?\n$/, '')
  }
  if (secretFile.length > 0) return values
  for (const { name, title, multiline } of fields) {
    if (multiline) continue
    const value = await askSecret(`${title} (Enter: none)`)
    if (value === undefined) throw noTerminal(fields)
    if (value !== '') values[name] = value
  }
  return values
}

function noTerminal(fields: readonly Pick<SecretField, 'name'>[]): Fault {
  const known = fields.map(({ name }) => name).join(', ')
  return new Fault(
    'option-malformed',
    `There is no terminal to ask for credentials on: give --secret-file NAME=FILE (- is standard input), with names of: ${known}.`
  )
}
