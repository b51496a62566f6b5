import type { authentications, privacies } from '../../../sensor/identify/snmp.ts'
import type { SnmpLogin } from '../../automation-functions.ts'
import type { FoundDevice } from '../../automation-records.ts'
import { readSecrets, type AskedSecret, type SecretOptions } from '../automation/secrets.ts'
import { given } from '../given.ts'
import { malformed } from '../options.ts'
import { linePrinter, printTable } from '../output.ts'
import type { OutputOptions, Session } from '../session.ts'
import { foundView } from '../views/devices.ts'
import { counted, figure } from '../words.ts'

/** Options of `device find` as commander gives them. */
export interface FindOptions extends OutputOptions, SecretOptions {
  readonly snmpVersion: '2c' | '3'
  readonly port?: number
  readonly user?: string
  readonly auth: (typeof authentications)[number]
  readonly priv: (typeof privacies)[number]
}

const community: AskedSecret = { name: 'community', title: 'Community', multiline: false }
const keys: readonly AskedSecret[] = [
  { name: 'auth', title: 'Authentication password', multiline: false },
  { name: 'priv', title: 'Privacy password', multiline: false }
]

/** Asks the SNMP agents of a range what they are, and prints those that answered. */
export async function findDevices(session: Session, range: string, options: FindOptions): Promise<void> {
  const { screen } = session
  const login = await loginOf(options)
  const ending = session.ending(() => screen.note('Stopping …'))
  const search = { range, login, ...given({ port: options.port }) }
  let asked = 0
  const watch = {
    progress(done: number, size: number) {
      asked = done
      screen.status(`${figure(done)} of ${figure(size)} addresses are through`)
    }
  }
  const signal = AbortSignal.any([ending.signal, screen.closed])
  const view = foundView(screen)
  const print = linePrinter(screen, options, view)
  const all: FoundDevice[] = []
  for await (const found of (await session.functions()).findDevices(search, watch, signal)) {
    print?.(found)
    all.push(found)
  }
  screen.status('')
  if (!print && all.length > 0) printTable(screen, view, all)
  screen.note(`${counted(asked, 'address', 'addresses')} asked, ${counted(all.length, 'agent')} answered.`)
  for (const command of addCommands(all)) screen.note(`Add it: ${command}`)
  if (all.length === 0) screen.note('An agent that does not know the community or user says nothing at all.')
}

/** more would push the list itself out of sight */
const mostCommands = 20

/** The commands that keep what was found and is not kept yet, with names of their own. */
export function addCommands(all: readonly FoundDevice[]): readonly string[] {
  const taken = new Set(all.map(({ device }) => device))
  return all
    .filter(({ connector, device }) => connector !== null && device === null)
    .slice(0, mostCommands)
    .map((found) => {
      const name = nameFor(found, taken)
      taken.add(name)
      return `tlsward device add ${name} ${found.connector} address=${found.address}`
    })
}

/** what an agent calls itself goes into a command line: of it only what no shell takes for anything else */
function nameFor({ name, address }: FoundDevice, taken: ReadonlySet<string | null>): string {
  const [host = ''] = name.toLowerCase().split('.')
  const short = host
    .replaceAll(/[^a-z0-9-]/g, '')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 40)
  const byAddress = `device-${address.replaceAll(/[^0-9a-f]+/gi, '-')}`
  return short === '' || taken.has(short) ? byAddress : short
}

async function loginOf(options: FindOptions): Promise<SnmpLogin> {
  if (options.snmpVersion === '2c') {
    const values = await readSecrets([community], options)
    return { version: '2c', community: needed(values, community) }
  }
  if (options.user === undefined) {
    throw malformed('--user', '', 'name the user of SNMP version 3, or choose --snmp-version 2c')
  }
  const values = await readSecrets(keys, options)
  const [authenticationKey = '', privacyKey = ''] = keys.map((field) => needed(values, field))
  const { user, auth: authentication, priv: privacy } = options
  return { version: '3', user, authentication, authenticationKey, privacy, privacyKey }
}

function needed(values: Readonly<Record<string, string>>, { name, title }: AskedSecret): string {
  const value = values[name]
  if (value !== undefined && value !== '') return value
  throw malformed(title, 'empty', `give --secret-file ${name}=FILE (- is standard input)`)
}
