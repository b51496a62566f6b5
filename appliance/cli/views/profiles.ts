import type { Profile } from '../../automation-records.ts'
import { shown, type View } from '../output.ts'
import type { Screen } from '../screen.ts'
import { figure, onDay } from '../words.ts'

/** The table and CSV of profiles. */
export const profileView: View<Profile> = {
  columns: [
    { head: 'PROFILE' },
    { head: 'ISSUER', least: 8 },
    { head: 'KEYS', least: 8 },
    { head: 'WINDOW', least: 10, sparse: true },
    { head: 'APPROVAL', drop: 2 },
    { head: 'TARGETS', align: 'right' },
    { head: 'ADDED', drop: 1 }
  ],
  cells: ({ name, content, targets, createdAt }) => [
    shown(name),
    field(content, 'issuer'),
    field(content, 'keyTypes'),
    field(content, 'windows.hours'),
    field(content, 'approval'),
    figure(targets),
    onDay(Date.parse(createdAt))
  ],
  csv: [
    ['profile', ({ name }) => name],
    ['issuer', ({ content }) => field(content, 'issuer')],
    ['key_types', ({ content }) => field(content, 'keyTypes')],
    ['window', ({ content }) => field(content, 'windows.hours')],
    ['approval', ({ content }) => field(content, 'approval')],
    ['targets', ({ targets }) => targets],
    ['created_at', ({ createdAt }) => createdAt]
  ]
}

/** A profile, field by field as `profile set` takes them. */
export function profileLines(screen: Screen, { name, content, targets }: Profile): readonly string[] {
  const fields = flat(content, '').toSorted(([a], [b]) => Number(b === 'issuer') - Number(a === 'issuer'))
  const width = Math.max(0, ...fields.map(([field]) => field.length))
  return [
    `${screen.paint('strong', shown(name))}  renews ${figure(targets)} ${targets === 1 ? 'target' : 'targets'} by itself`,
    '',
    ...fields.map(([field, value]) => `${screen.paint('dim', field.padEnd(width))}  ${value}`)
  ]
}

/** Every field with its value as a word of the command line. */
function flat(value: unknown, name: string): (readonly [field: string, value: string])[] {
  if (!isFields(value)) return [[name, wordOf(value)]]
  return Object.entries(value).flatMap(([key, inner]) => flat(inner, name === '' ? key : `${name}.${key}`))
}

function wordOf(value: unknown): string {
  if (Array.isArray(value) && value.length === 0) return 'none'
  if (!Array.isArray(value)) return shown(typeof value === 'string' ? value : JSON.stringify(value))
  const isPlain = value.every((one) => typeof one === 'string')
  return shown(isPlain ? value.join(',') : JSON.stringify(value))
}

function field(content: unknown, path: string): string {
  const value = path.split('.').reduce<unknown>((at, name) => (isFields(at) ? at[name] : undefined), content)
  return value === undefined || value === null ? '' : wordOf(value)
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
