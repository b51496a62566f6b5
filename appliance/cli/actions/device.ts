import { Fault } from '../../../core/fault.ts'
import type { Pin } from '../../automation-records.ts'
import type { ConnectorForm } from '../../automation-functions.ts'
import { ask } from '../ask.ts'
import { readSecrets, type SecretOptions } from '../automation/secrets.ts'
import { readJson, settingsOf } from '../automation/setting-words.ts'
import { linePrinter, printTable, shown } from '../output.ts'
import type { OutputOptions, Session } from '../session.ts'
import { bindingView, checkLines, deviceView } from '../views/devices.ts'

interface AddOptions extends OutputOptions, SecretOptions {
  readonly settings?: string
  readonly fingerprint?: readonly string[]
}

interface DeviceWords {
  readonly name: string
  readonly connector: string
  readonly words: readonly string[]
}

/** Adds a device: a person compares how it identifies itself, then it is signed in to. */
export async function addDevice(session: Session, of: DeviceWords, options: AddOptions): Promise<number> {
  const functions = await session.functions()
  const form = formOf(await functions.connectorForms(), of.connector)
  const base = options.settings === undefined ? {} : readJson('--settings', options.settings)
  const settings = settingsOf(of.words, form.settings, base)
  const pins = await functions.identifyDevice({ connector: of.connector, settings })
  await acceptPins(session, pins, options.fingerprint)
  const secrets = await readSecrets(form.secrets, options)
  const accepted = pins.map(({ what, fingerprint }) => ({ what, fingerprint }))
  const { name, connector } = of
  const check = await functions.addDevice({ name, connector, settings, secrets, pins: accepted })
  const print = linePrinter(session.screen, options, { csv: [] })
  if (print) print(check)
  else for (const line of checkLines(session.screen, check)) session.screen.result(line)
  session.screen.note(
    `Device ${shown(name)} is kept, and only read. Next: tlsward device discover ${shown(name)}`
  )
  return check.rights.every(({ granted }) => granted) ? 0 : 3
}

function formOf(forms: readonly ConnectorForm[], id: string): ConnectorForm {
  const form = forms.find((one) => one.id === id)
  if (form) return form
  const known = forms.map((one) => one.id).join(', ')
  throw new Fault('option-malformed', `connector ${id}: there is none of this name; there are: ${known}.`, {
    field: 'connector',
    value: id
  })
}

async function acceptPins(
  { screen }: Session,
  pins: readonly Pin[],
  given: readonly string[] | undefined
): Promise<void> {
  for (const { what, fingerprint } of pins) {
    screen.note(`${shown(what)}  ${shown(fingerprint)}`)
    if (given?.includes(fingerprint)) continue
    const isAccepted = given ? undefined : await ask('Is this the device that you mean?')
    if (isAccepted) continue
    throw new Fault(
      'device-pin',
      `${shown(what)} shows ${shown(fingerprint)}, which nobody accepted: compare it on the device, then answer y or give --fingerprint ${shown(fingerprint)}.`,
      { what, fingerprint }
    )
  }
}

/** Prints the devices. */
export async function listDevices(session: Session, options: OutputOptions): Promise<void> {
  const { screen } = session
  const devices = await (await session.functions()).devices()
  const view = deviceView(screen)
  const print = linePrinter(screen, options, view)
  if (print) return devices.forEach(print)
  if (devices.length === 0) screen.result('No device yet. Begin with: tlsward device add --help')
  else printTable(screen, view, devices)
}

/** Signs in to a device again and prints what it says. */
export async function checkDevice(
  session: Session,
  name: string,
  options: OutputOptions & { readonly accept?: boolean }
): Promise<number> {
  const { screen } = session
  const functions = await session.functions()
  const pins = options.accept ? await functions.devicePins(name) : null
  const news = pins?.filter(({ accepted }) => !accepted) ?? []
  await acceptPins(session, news, undefined)
  const check = await functions.checkDevice(name, pins)
  const print = linePrinter(screen, options, { csv: [] })
  if (print) print(check)
  else for (const line of checkLines(screen, check)) screen.result(line)
  return check.rights.every(({ granted }) => granted) ? 0 : 3
}

/** Prints what is bound where on a device. */
export async function discoverDevice(session: Session, name: string, options: OutputOptions): Promise<void> {
  const { screen } = session
  const ending = session.ending(() => screen.note('Stopping …'))
  const bindings = (await session.functions()).discoverDevice(name, ending.signal)
  const view = bindingView(screen, session.clock.now())
  const print = linePrinter(screen, options, view)
  if (print) {
    for await (const binding of bindings) print(binding)
    return
  }
  const all = await Array.fromAsync(bindings)
  if (all.length === 0) screen.result('Nothing on it holds a certificate that its login can see.')
  else printTable(screen, view, all, view.below)
}

/** Allows or forbids writing. */
export async function allowDevice(
  { screen, functions }: Session,
  name: string,
  allowed: 'writable' | 'read-only'
): Promise<void> {
  await (await functions()).allowDevice(name, allowed)
  const says = allowed === 'writable' ? 'Certificates on it may be replaced now.' : 'It is only read now.'
  screen.note(`Device ${shown(name)}: ${says}`)
}

/** Gives a device other credentials. */
export async function changeSecrets(session: Session, name: string, options: SecretOptions): Promise<void> {
  const functions = await session.functions()
  const device = (await functions.devices()).find((one) => one.name === name)
  const forms = await functions.connectorForms()
  const form = forms.find(({ id }) => id === device?.connector)
  const secrets = await readSecrets(form?.secrets ?? [], options)
  await functions.setDeviceSecrets(name, secrets)
  session.screen.note(`Device ${shown(name)}: the new credentials work, and are kept.`)
}

/** Removes a device. */
export async function removeDevice({ screen, functions }: Session, name: string): Promise<void> {
  await (await functions()).removeDevice(name)
  screen.note(`Device ${shown(name)} is removed, with its credentials.`)
}
