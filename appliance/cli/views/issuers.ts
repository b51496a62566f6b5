import { visible } from '../../../core/text.ts'
import type { Imported, Issuer, IssuerCheck } from '../../automation-records.ts'
import { shown, type View } from '../output.ts'
import type { Screen } from '../screen.ts'
import { counted, onDay, shortFingerprint } from '../words.ts'
import { namesText } from './events.ts'

/** The table and CSV of issuers. */
export const issuerView: View<Issuer> = {
  columns: [
    { head: 'ISSUER' },
    { head: 'KIND' },
    { head: 'SETTINGS', least: 16 },
    { head: 'ADDED', drop: 1 }
  ],
  cells: ({ name, kind, settings, createdAt }) => [
    shown(name),
    kind,
    settingsText(settings),
    onDay(Date.parse(createdAt))
  ],
  csv: [
    ['issuer', ({ name }) => name],
    ['kind', ({ kind }) => kind],
    ['settings', ({ settings }) => JSON.stringify(settings)],
    ['created_at', ({ createdAt }) => createdAt]
  ]
}

/** What an issuer says of itself, in lines. */
export function issuerLines(
  screen: Screen,
  { issuer, facts, problems, warnings, roots }: IssuerCheck
): readonly string[] {
  const own = `it has ${counted(roots.length, 'root')} of its own, which clients must trust: tlsward issuer check ${shown(issuer)} --roots`
  return [
    `${screen.paint('strong', shown(issuer))}  ${problems.length === 0 ? screen.paint('good', 'answers') : screen.paint('bad', 'gives no certificates')}`,
    ...facts.map((fact) => `  ${shown(fact)}`),
    ...(roots.length > 0 ? [`  ${own}`] : []),
    ...problems.map((problem) => `  ${screen.paint('bad', `! ${shown(problem)}`)}`),
    ...warnings.map((warning) => `  ${screen.paint('warn', `! ${shown(warning)}`)}`)
  ]
}

/** A certificate that was imported, and what came along without belonging to it. */
export function importedLines(
  screen: Screen,
  { fingerprint, names, strangers }: Imported
): readonly string[] {
  return [
    `Certificate ${shortFingerprint(fingerprint)} with its key: ${namesText(names, 100)}`,
    ...strangers.map((subject) =>
      screen.paint('warn', `  ! left out, it has nothing to do with it: ${shown(subject)}`)
    )
  ]
}

/** The CSV of what an issuer says of itself. */
export const issuerCheckCsv: Pick<View<IssuerCheck>, 'csv'> = {
  csv: [
    ['issuer', ({ issuer }) => issuer],
    ['facts', ({ facts }) => facts.join('; ')],
    ['problems', ({ problems }) => problems.join('; ')],
    ['warnings', ({ warnings }) => warnings.join('; ')]
  ]
}

/** Settings as `name=value` words, those that say something; keys and certificates are cut short. */
export function settingsText(settings: unknown): string {
  if (typeof settings !== 'object' || settings === null) return shown(JSON.stringify(settings))
  return Object.entries(settings)
    .filter(([, value]) => value !== null && value !== '' && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => `${shown(name)}=${valueText(value)}`)
    .join(' ')
}

function valueText(value: unknown): string {
  const [first = '', ...more] = (typeof value === 'string' ? value : JSON.stringify(value)).split('\n')
  return visible(more.length > 0 ? `${first}…` : first, 40)
}
