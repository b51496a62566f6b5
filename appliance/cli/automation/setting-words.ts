import { Fault } from '../../../core/fault.ts'
import { readText } from '../files.ts'
import { malformed } from '../options.ts'

/** A JSON Schema of settings, as far as words of a command line need it. */
interface Schema {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}

type Fields = Record<string, unknown>

/** What words of settings are read by. */
export interface SettingsForm {
  /** JSON Schema of the settings */
  readonly schema: unknown
  /** names of what must not be written as a word */
  readonly secrets: readonly string[]
  /** may a word hold several entries of a list, parted by commas? Entries of settled words always may */
  readonly lists: 'parted' | 'whole'
}

/** Reads a file of JSON that an option names; `-` is standard input. Throws file-unreadable, option-malformed. */
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
 * Settings from words `name=value` and `part.name=value`, by the types of the schema: numbers, true and false, null,
 * and lists, to which each word adds its entries. Words change what `base` says; a part that can have several forms
 * begins anew with the first word for it. Throws option-malformed for a word that is none, or names nothing.
 */
export function settingsOf(words: readonly string[], form: SettingsForm, base: unknown): Fields {
  if (!isFields(base)) throw malformed('--settings', 'a list or a value', 'write a JSON object')
  const root = form.schema as Schema
  const settings: Fields = { ...base }
  const begun = new Set<string>()
  for (const word of words) {
    const { path, value, schemas } = readWord(word, form)
    const parent = descend(settings, path.slice(0, -1), { root, begun })
    const last = path.at(-1) ?? ''
    const name = path.join('.')
    const list = schemas.find(({ type }) => type === 'array')
    if (list && value !== 'null') {
      const before = begun.has(name) ? (parent[last] as readonly unknown[]) : []
      parent[last] = [...before, ...entriesOf(value, list.items ?? {}, form.lists)]
    } else parent[last] = valueOf(value, schemas)
    begun.add(name)
  }
  return settings
}

/** Every name that words may have, `windows.hours`. */
export function settingNames(schema: unknown): string[] {
  const names = branches(schema as Schema).flatMap(({ properties = {} }) =>
    Object.entries(properties).flatMap(([name, property]) => {
      const inner = settingNames(property)
      return inner.length > 0 ? inner.map((one) => `${name}.${one}`) : [name]
    })
  )
  return [...new Set(names)]
}

interface Word {
  readonly path: readonly string[]
  readonly value: string
  /** what may stand there */
  readonly schemas: readonly Schema[]
}

function readWord(word: string, { schema, secrets }: SettingsForm): Word {
  const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(word) ?? []
  // values are not shown: one could be a secret in the wrong place
  if (name === '') throw malformed('setting', word, 'write name=value')
  if (secrets.includes(name)) {
    throw new Fault(
      'option-malformed',
      `setting ${name} is a secret, and others could read it on this command line: give --secret-file ${name}=FILE (- is standard input).`,
      { field: name }
    )
  }
  const path = name.split('.')
  const schemas = schemasAt(schema as Schema, path)
  const isPart = schemas.length > 0 && schemas.every(({ properties }) => properties !== undefined)
  if (schemas.some(({ items }) => items && branches(items).every(({ properties }) => properties))) {
    throw malformed('setting', name, 'give it in a file of JSON: its entries have parts of their own')
  }
  if (schemas.length > 0 && !isPart) return { path, value, schemas }
  const known = settingNames(schema)
  const inside = known.filter((one) => one.startsWith(`${name}.`))
  throw malformed(
    'setting',
    name,
    isPart
      ? `write one of its parts, ${inside.join(', ')}`
      : `there is none of this name; there are ${known.join(', ') || 'none'}`
  )
}

function branches(schema: Schema): readonly Schema[] {
  return schema.anyOf ? schema.anyOf.flatMap(branches) : [schema]
}

function schemasAt(schema: Schema, path: readonly string[]): readonly Schema[] {
  const [name, ...rest] = path
  if (name === undefined) return branches(schema)
  return branches(schema).flatMap(({ properties = {} }) => {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined
    return property ? schemasAt(property, rest) : []
  })
}

/** The object that a path leads to, made where it is missing. */
function descend(
  settings: Fields,
  path: readonly string[],
  { root, begun }: { readonly root: Schema; readonly begun: Set<string> }
): Fields {
  return path.reduce((at, name, depth) => {
    const here = path.slice(0, depth + 1)
    const forms = schemasAt(root, here).filter(({ properties }) => properties !== undefined)
    const before = at[name]
    const keeps = isFields(before) && (forms.length < 2 || begun.has(here.join('.')))
    const inside: Fields = keeps ? { ...before } : {}
    begun.add(here.join('.'))
    at[name] = inside
    return inside
  }, settings)
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function entriesOf(text: string, items: Schema, lists: SettingsForm['lists']): readonly unknown[] {
  const kinds = branches(items)
  const isSettled = kinds.every((kind) => kind.const !== undefined || kind.enum !== undefined)
  const entries = isSettled || lists === 'parted' ? text.split(',').map((part) => part.trim()) : [text]
  return entries.filter((entry) => entry !== '').map((entry) => valueOf(entry, kinds))
}

function valueOf(text: string, schemas: readonly Schema[]): unknown {
  if (schemas.some((schema) => schema.const === text || schema.enum?.includes(text))) return text
  const may = (type: string) => schemas.some((schema) => schema.type === type)
  if (text === 'null' && may('null')) return null
  if ((may('integer') || may('number')) && /^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  if (may('boolean') && /^(true|false)$/.test(text)) return text === 'true'
  return text
}
