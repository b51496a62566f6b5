import type { SecretField } from '../../../connectors/contract.ts'
import { Fault } from '../../../core/fault.ts'
import type { SecretValues } from '../../automation-functions.ts'
import { parseReference } from '../../vault/reference.ts'
import { askSecret } from '../ask-secret.ts'
import { readText } from '../files.ts'
import { malformed } from '../options.ts'
import { never } from '../signals.ts'

/** Where secrets come from: never from arguments. */
export interface SecretOptions {
  /** NAME=FILE each; `-` is standard input */
  readonly secretFile?: readonly string[]
  /** NAME=REFERENCE each */
  readonly secretRef?: readonly string[]
}

/** What a secret is, for whoever is asked for it. */
export type AskedSecret = Pick<SecretField, 'name' | 'title' | 'multiline'>

/** Which secrets are asked for, and what ends the asking. */
interface Asking {
  readonly asked?: readonly AskedSecret[]
  readonly signal?: AbortSignal
}

/**
 * The secrets that a person gives: from the files and references that were named, else by questions on the terminal;
 * none where there is no terminal. `fields` may be given, `asked` are asked for. Throws option-malformed for a name
 * that is none, reference-malformed, file-unreadable.
 */
export async function readSecrets(
  fields: readonly AskedSecret[],
  { secretFile = [], secretRef = [] }: SecretOptions,
  { asked = fields, signal = never }: Asking = {}
): Promise<SecretValues> {
  const values: Record<string, string> = {}
  for (const text of secretFile) {
    const [name, file] = namedValue('--secret-file', text, fields)
    values[name] = readText('--secret-file', file).replace(/\r?\n$/, '')
  }
  for (const text of secretRef) {
    const [name, reference] = namedValue('--secret-ref', text, fields)
    parseReference(reference)
    values[name] = reference
  }
  if (secretFile.length + secretRef.length > 0) return values
  for (const { name, title, multiline } of asked) {
    // lines cannot be typed unseen
    if (multiline) continue
    const value = await askSecret(`${title} (Enter: none)`, signal)
    if (value === undefined) break
    if (value !== '') values[name] = value
  }
  return values
}

/** Nothing that is secret was given where something is needed. */
export function secretNeeded(fields: readonly AskedSecret[]): Fault {
  return new Fault(
    'option-malformed',
    `There are no new credentials: give --secret-file NAME=FILE (- is standard input) with one of ${namesOf(fields)}.`
  )
}

/**
 * The fault of a secret that is missing, with the way to give it; others as they are. `act` hears settings-malformed
 * from the functions, which know nothing of options.
 */
export async function withSecretsNamed<T>(fields: readonly AskedSecret[], act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (thrown) {
    const name = thrown instanceof Fault ? thrown.facts['field'] : undefined
    if (!(thrown instanceof Fault) || !fields.some((field) => field.name === name)) throw thrown
    throw new Fault(
      thrown.code,
      `${thrown.message} Give it with --secret-file ${String(name)}=FILE (- is standard input).`,
      thrown.facts,
      thrown
    )
  }
}

function namedValue(option: string, text: string, fields: readonly AskedSecret[]): [string, string] {
  const [, name = '', value = ''] = /^([^=]+)=(.+)$/s.exec(text) ?? []
  if (fields.some((field) => field.name === name)) return [name, value]
  // what stands behind = is not shown: it may be a secret in the wrong place
  const wanted = option === '--secret-file' ? 'NAME=FILE' : 'NAME=REFERENCE'
  const remedy =
    fields.length === 0
      ? 'leave it out: there are no secrets'
      : `write ${wanted} with one of ${namesOf(fields)}`
  throw malformed(option, name, remedy)
}

function namesOf(fields: readonly AskedSecret[]): string {
  return fields.map(({ name }) => name).join(', ')
}
