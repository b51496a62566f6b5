import { formatEndpoint } from '../../../core/address.ts'
import { visible } from '../../../core/text.ts'
import type { Binding, Device, DeviceCheck, FoundDevice } from '../../automation-records.ts'
import { shown, type View } from '../output.ts'
import type { Screen } from '../screen.ts'
import { atMoment, counted, fromNow, onDay } from '../words.ts'

/** The table and CSV of devices. */
export function deviceView(
  screen: Screen
): View<Device> & { readonly below: (device: Device) => readonly string[] } {
  return {
    columns: [
      { head: 'DEVICE' },
      { head: 'CONNECTOR', drop: 1 },
      { head: 'WHERE', least: 12 },
      { head: 'PRODUCT', least: 10 },
      { head: 'ROLE', drop: 2 },
      { head: 'WRITING' },
      { head: 'CHECKED', drop: 3 }
    ],
    cells: (device) => [
      shown(device.name),
      shown(device.connector),
      shown(device.place),
      shown([device.product, device.version].filter(Boolean).join(' ')),
      device.role ?? '',
      device.writable
        ? { text: 'allowed', paint: (cell) => screen.paint('good', cell) }
        : { text: 'read only', paint: (cell) => screen.paint('dim', cell) },
      device.checkedAt === null ? 'never' : atMoment(Date.parse(device.checkedAt))
    ],
    below: ({ name, barred, missingRights }) => [
      ...(barred === null
        ? []
        : [`  ${screen.paint('bad', `no sign-in is tried any more: ${shown(barred)}`)}`]),
      ...(missingRights === null || missingRights === 0
        ? []
        : [
            `  ${screen.paint('warn', `${counted(missingRights, 'right')} missing: tlsward device check ${shown(name)}`)}`
          ])
    ],
    csv: [
      ['device', ({ name }) => name],
      ['connector', ({ connector }) => connector],
      ['place', ({ place }) => place],
      ['product', ({ product }) => product],
      ['version', ({ version }) => version],
      ['role', ({ role }) => role],
      ['writable', ({ writable }) => String(writable)],
      ['checked_at', ({ checkedAt }) => checkedAt],
      ['missing_rights', ({ missingRights }) => missingRights],
      ['barred', ({ barred }) => barred]
    ]
  }
}

/** The CSV of what a device says of itself: a row for the device, its missing rights in one cell. */
export const checkCsv: Pick<View<DeviceCheck>, 'csv'> = {
  csv: [
    ['device', ({ device }) => device],
    ['product', ({ product }) => product],
    ['version', ({ version }) => version],
    ['role', ({ role }) => role],
    [
      'missing_rights',
      ({ rights }) =>
        rights
          .filter(({ granted }) => !granted)
          .map(({ what }) => what)
          .join('; ')
    ],
    ['notes', ({ notes }) => notes.join('; ')]
  ]
}

/** What a device says of itself, in lines. */
export function checkLines(screen: Screen, check: DeviceCheck): readonly string[] {
  const missing = check.rights.filter(({ granted }) => !granted)
  return [
    `${screen.paint('strong', shown(check.device))}  ${shown(check.product)} ${shown(check.version)}  ${check.role}`,
    ...check.rights.map(({ what, granted }) =>
      granted
        ? `  ${screen.paint('good', '✓')} ${shown(what)}`
        : `  ${screen.paint('bad', '✗')} ${shown(what)}`
    ),
    ...missing.flatMap(({ remedy }) => (remedy === null ? [] : ['', ...remedyLines(remedy)])),
    ...check.notes.map((note) => `  ${screen.paint('warn', '!')} ${shown(note)}`)
  ]
}

/** a remedy is copied as it stands: nothing of it is cut */
function remedyLines(text: string): string[] {
  return text.split('\n').map((line) => `  ${visible(line, 4_000)}`)
}

/** The table and CSV of what is bound on a device; `below` tells the rest of each. */
export function bindingView(
  screen: Screen,
  now: number
): View<Binding> & { readonly below: (binding: Binding) => readonly string[] } {
  const earliest = ({ slots }: Binding) => Math.min(...slots.map(({ notAfter }) => Date.parse(notAfter)))
  const places = ({ served }: Binding) =>
    served.map(
      ({ address, port, name }) =>
        `${formatEndpoint(shown(address), port)}${name === null ? '' : ` ${shown(name)}`}`
    )
  return {
    columns: [
      { head: 'TARGET', least: 20, late: true },
      { head: 'KEYS' },
      { head: 'EXPIRES' },
      { head: 'PROFILE', drop: 1 }
    ],
    cells: (binding) => [
      shown(`${binding.device}/${binding.target}`),
      binding.slots.map(({ family }) => family).join(' '),
      binding.slots.length === 0 ? '' : `${onDay(earliest(binding))}, ${fromNow(earliest(binding), now)}`,
      shown(binding.profile ?? '')
    ],
    below: (binding) => [
      ...(binding.served.length > 0 ? [`  ${screen.paint('dim', `at ${places(binding).join(', ')}`)}`] : []),
      ...(binding.shares.length > 1
        ? [`  ${screen.paint('dim', `used by ${binding.shares.map(({ what }) => shown(what)).join('; ')}`)}`]
        : []),
      ...binding.drift.map((text) => `  ${screen.paint('warn', shown(text))}`),
      ...(binding.unmanaged === null ? [] : [`  ${screen.paint('warn', shown(binding.unmanaged.why))}`])
    ],
    csv: [
      ['device', ({ device }) => device],
      ['target', ({ target }) => target],
      ['kind', ({ kind }) => kind],
      ['fingerprints', ({ slots }) => slots.map(({ fingerprint }) => fingerprint).join(' ')],
      [
        'not_after',
        (binding) => (binding.slots.length === 0 ? null : new Date(earliest(binding)).toISOString())
      ],
      ['served', (binding) => places(binding).join(' ')],
      ['profile', ({ profile }) => profile],
      ['unmanaged', ({ unmanaged }) => unmanaged?.code ?? null],
      ['why', ({ unmanaged }) => unmanaged?.why ?? null]
    ]
  }
}

/** The table and CSV of what answered to SNMP. */
export function foundView(screen: Screen): View<FoundDevice> {
  return {
    columns: [
      { head: 'ADDRESS' },
      { head: 'PRODUCT' },
      { head: 'PAIR', drop: 3, sparse: true },
      { head: 'CONNECTOR' },
      { head: 'DEVICE', sparse: true },
      { head: 'NAME', least: 10 },
      { head: 'SERIAL', drop: 2, sparse: true },
      { head: 'DESCRIPTION', least: 12, drop: 1 }
    ],
    cells: (found) => [
      shown(found.address),
      found.product === null
        ? { text: 'none that is known', paint: (cell) => screen.paint('dim', cell) }
        : shown([found.product, found.version].filter((part) => part !== null).join(' ')),
      shown([found.failover, found.sync].filter((part) => part !== null).join(', ')),
      shown(found.connector),
      shown(found.device),
      shown(found.name),
      shown(found.serial),
      shown(found.description)
    ],
    csv: [
      ['address', ({ address }) => address],
      ['product', ({ product }) => product],
      ['version', ({ version }) => version],
      ['failover', ({ failover }) => failover],
      ['sync', ({ sync }) => sync],
      ['connector', ({ connector }) => connector],
      ['device', ({ device }) => device],
      ['name', ({ name }) => name],
      ['serial', ({ serial }) => serial],
      ['object_id', ({ objectId }) => objectId],
      ['description', ({ description }) => description]
    ]
  }
}
