import { Fault } from '../../../core/fault.ts'
import { malformed } from '../options.ts'
import { readText } from '../files.ts'

/** A property of a settings schema, as far as words of a command line need it. */
interface Property {
  readonly type?: string
}

/** Reads a file of JSON that an option names. Throws file-unreadable, option-malformed. */
export function readJson(option: string, file: string): unknown {
  const text = readText(option, file)
  try {
    return JSON.parse(text) as unknown
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    throw new Fault('option-malformed', `${option} ${file} is no JSON: ${why}.`, { field: option, file })
  }
}

/**
 * Settings from words `name=value`, by the types of the schema: numbers, true and false, and lists, to which each
 * word adds one entry. Words change what `base` says.
 */
export function settingsOf(
  words: readonly string[],
  schema: unknown,
  base: unknown
): Record<string, unknown> {
  const { properties = {} } = schema as { readonly properties?: Readonly<Record<string, Property>> }
  const settings: Record<string, unknown> = { ...(base as Record<string, unknown>) }
  const lists = new Map<string, unknown[]>()
  for (const word of words) {
    const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(word) ?? []
    if (name === '') throw malformed('a setting', word, 'write name=value')
    const type = properties[name]?.type
    if (type === 'array') {
      const list = lists.get(name) ?? []
      list.push(value)
      lists.set(name, list)
      settings[name] = list
    } else settings[name] = valueOf(value, type)
  }
  return settings
}

function valueOf(text: string, type: string | undefined): unknown {
  if ((type === 'integer' || type === 'number') && /^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  if (type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true'
  return text
}
