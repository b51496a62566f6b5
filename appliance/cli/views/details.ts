import { visible } from '../../../core/text.ts'
import type { DeviceDetails, IssuerDetails } from '../../automation-records.ts'
import { shown, type View } from '../output.ts'
import type { Screen } from '../screen.ts'
import { atSecond, fromNow } from '../words.ts'

type Row = readonly [label: string, value: string]

/** All that is known of a device, in lines. */
export function detailsLines(screen: Screen, of: DeviceDetails, now: number): readonly string[] {
  const { check } = of
  const missing = check?.rights.filter(({ granted }) => !granted) ?? []
  const said = check ? `${shown(check.product)} ${shown(check.version)}, ${check.role}` : ''
  return [
    `${screen.paint('strong', shown(of.name))}  ${shown(of.connector)}`,
    ...rowLines(screen, [
      ['Writing', of.writable ? 'allowed' : 'read only'],
      ['Added', when(of.createdAt, now)],
      ['Checked', of.checkedAt === null ? 'never' : when(of.checkedAt, now)],
      ['Said then', said],
      ['Sign-in', of.barred === null ? '' : `not tried any more: ${shown(of.barred)}`],
      ...missing.map(({ what }): Row => ['Missing right', shown(what)]),
      ...(check?.notes ?? []).map((note): Row => ['Note', visible(note, 1_000)]),
      ...settingRows(of.settings),
      ...of.pins.map(({ what, fingerprint, acceptedAt }): Row => [
        'Accepted key',
        `${shown(what)} ${shown(fingerprint)}, ${when(acceptedAt, now)}`
      ]),
      ...secretRows(of.secrets, now),
      ...of.targets.map(({ target, profile, enabled, nextAt }): Row => [
        'Renewed',
        `${shown(target)} by profile ${shown(profile)}${
          enabled ? (nextAt === null ? '' : `, looked at ${when(nextAt, now)}`) : ', switched off'
        }`
      ]),
      ['Open events', of.openEvents.join(', ')]
    ])
  ]
}

/** All that is known of an issuer, in lines. */
export function issuerDetailsLines(screen: Screen, of: IssuerDetails, now: number): readonly string[] {
  return [
    `${screen.paint('strong', shown(of.name))}  ${of.kind}`,
    ...rowLines(screen, [
      ['Added', when(of.createdAt, now)],
      ...settingRows(of.settings),
      ...secretRows(of.secrets, now),
      ['Profiles', of.profiles.map(shown).join(', ')],
      ['Open events', of.openEvents.join(', ')]
    ])
  ]
}

function rowLines(screen: Screen, rows: readonly Row[]): string[] {
  return rows
    .filter(([, value]) => value !== '')
    .map(([label, value], at, all) => {
      const name = all[at - 1]?.[0] === label ? '' : label
      return `${screen.paint('dim', name.padEnd(16))}${value}`
    })
}

function settingRows(settings: unknown): Row[] {
  if (typeof settings !== 'object' || settings === null) return []
  return Object.entries(settings).map(([name, value]): Row => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return ['Settings', `${shown(name)}=${visible(text, 400)}`]
  })
}

function secretRows(secrets: DeviceDetails['secrets'], now: number): Row[] {
  return secrets.map(({ name, isSet, changedAt }): Row => [
    'Secrets',
    `${name}: ${isSet && changedAt !== null ? `set, ${when(changedAt, now)}` : 'not set'}`
  ])
}

function when(text: string, now: number): string {
  return `${atSecond(Date.parse(text))}, ${fromNow(Date.parse(text), now)}`
}

const secretsText = (secrets: DeviceDetails['secrets']) =>
  secrets.flatMap(({ name, isSet }) => (isSet ? name : [])).join(' ')

/** The CSV of a device. */
export const detailsCsv: Pick<View<DeviceDetails>, 'csv'> = {
  csv: [
    ['device', ({ name }) => name],
    ['connector', ({ connector }) => connector],
    ['settings', ({ settings }) => JSON.stringify(settings)],
    ['writable', ({ writable }) => String(writable)],
    ['checked_at', ({ checkedAt }) => checkedAt],
    ['pins', ({ pins }) => pins.map(({ what, fingerprint }) => `${what} ${fingerprint}`).join('; ')],
    ['secrets', ({ secrets }) => secretsText(secrets)],
    ['targets', ({ targets }) => targets.map(({ target }) => target).join(' ')],
    ['open_events', ({ openEvents }) => openEvents.join(' ')]
  ]
}

/** The CSV of an issuer. */
export const issuerDetailsCsv: Pick<View<IssuerDetails>, 'csv'> = {
  csv: [
    ['issuer', ({ name }) => name],
    ['kind', ({ kind }) => kind],
    ['settings', ({ settings }) => JSON.stringify(settings)],
    ['secrets', ({ secrets }) => secretsText(secrets)],
    ['profiles', ({ profiles }) => profiles.join(' ')],
    ['open_events', ({ openEvents }) => openEvents.join(' ')]
  ]
}
