import { records } from '../../appliance/records.ts'
import { table } from './table.ts'

/** What a field may hold, as far as a page shows it. */
interface Schema {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly string[]
  readonly description?: string
  readonly title?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly format?: string
}

/** Every record with its fields. */
export function recordsText(): string {
  return (records as readonly unknown[]).map((schema) => recordText(schema as Schema)).join('\n\n')
}

function recordText({ title = '', properties = {} }: Schema): string {
  const { type, ...rest } = properties
  return [
    `## \`${String(type?.const)}\``,
    '',
    `${title}.`,
    '',
    table(
      ['field', 'holds', 'means'],
      Object.entries({ ...(type ? { type } : {}), ...rest }).flatMap(([name, field]) =>
        fieldRows(name, field)
      )
    )
  ].join('\n')
}

/** The row of a field, then those of the fields inside. */
function fieldRows(name: string, field: Schema): string[][] {
  const inner = insides(field)
  const rows = Object.entries(inner?.properties ?? {}).flatMap(([child, schema]) =>
    fieldRows(`${name}.${child}`, schema)
  )
  return [[`\`${name}\``, typeText(field), descriptionOf(field)], ...rows]
}

function insides(field: Schema): Schema | undefined {
  if (field.properties) return field
  if (field.items) return insides(field.items)
  // several kinds of record have their own tables
  const inner = (field.anyOf ?? []).flatMap((one) => insides(one) ?? [])
  return inner.length === 1 ? inner[0] : undefined
}

function descriptionOf(field: Schema): string {
  return field.description ?? field.anyOf?.map(descriptionOf).find((text) => text !== '') ?? ''
}

function typeText(field: Schema): string {
  if (field.const !== undefined) return `\`${JSON.stringify(field.const)}\``
  // a long list is on the page that its description names
  if (field.enum && field.enum.length > 6) return 'string'
  if (field.enum) return field.enum.map((word) => `\`"${word}"\``).join(' or ')
  if (field.anyOf) return [...new Set(field.anyOf.map(typeText))].join(' or ')
  if (field.items) return `array of ${typeText(field.items)}`
  if (field.patternProperties)
    return `object of ${Object.values(field.patternProperties).map(typeText).join(' or ')}`
  return field.format === 'date-time' ? 'time' : (field.type ?? 'any')
}
