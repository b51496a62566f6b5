import { Fault } from '../../../core/fault.ts'
import type { ConnectorForm } from '../../automation-functions.ts'
import type { Binding, DeviceCheck, Pin } from '../../automation-records.ts'
import { ask } from '../ask.ts'
import { readSecrets, secretNeeded, withSecretsNamed, type SecretOptions } from '../automation/secrets.ts'
import { readJson, settingsOf } from '../automation/setting-words.ts'
import { malformed } from '../options.ts'
import { linePrinter, printTable, shown } from '../output.ts'
import type { OutputOptions, Session } from '../session.ts'
import type { Ending } from '../signals.ts'
import { detailsCsv, detailsLines } from '../views/details.ts'
import { bindingView, checkCsv, checkLines, deviceView } from '../views/devices.ts'

interface AddOptions extends OutputOptions, SecretOptions {
  readonly settings?: string
  readonly fingerprint?: readonly string[]
  readonly sameMachine?: boolean
}

interface DeviceWords {
  readonly name: string
  readonly connector: string
  readonly words: readonly string[]
}

/** Adds a device: a person compares how it identifies itself, then it is signed in to. */
export async function addDevice(session: Session, of: DeviceWords, options: AddOptions): Promise<number> {
  const { screen } = session
  const ending = session.ending(() => screen.note('Stopped: the device is not kept.'))
  return untilStopped(ending, () => addUntil(session, of, { options, ending }))
}

/** Work that ends by a fault once a signal has come: nobody wants to hear of it. */
async function untilStopped(ending: Ending, act: () => Promise<number>): Promise<number> {
  try {
    return await act()
  } catch (thrown) {
    if (ending.signal.aborted) return 0
    throw thrown
  }
}

interface Adding {
  readonly options: AddOptions
  readonly ending: Ending
}

async function addUntil(session: Session, of: DeviceWords, { options, ending }: Adding): Promise<number> {
  const { screen } = session
  const { signal } = ending
  const functions = await session.functions()
  const { name, connector } = of
  const form = formOf(await functions.connectorForms(), connector)
  const base = options.settings === undefined ? {} : readJson('--settings', options.settings)
  const secretNames = form.secrets.map((field) => field.name)
  const words = { schema: form.settings, secrets: secretNames, lists: 'whole' } as const
  const settings = settingsOf(of.words, words, base)
  const shownPins = await functions.identifyDevice({ connector, settings }, signal)
  await acceptPins(session, shownPins, { given: options.fingerprint, ending })
  // what shows no key of its own is this machine: nobody signs in to it
  const secrets = await readSecrets(form.secrets, options, {
    asked: shownPins.length === 0 ? [] : form.secrets,
    signal
  })
  const pins = shownPins.map(({ what, fingerprint }) => ({ what, fingerprint }))
  const check = await withSecretsNamed(form.secrets, () =>
    functions.addDevice({ name, connector, settings, secrets, pins, sameMachine: secondOf(options) }, signal)
  )
  screen.note(`Device ${shown(name)} is kept, and only read. Next: tlsward device discover ${shown(name)}`)
  return printCheck(session, check, options)
}

function secondOf({ sameMachine = false }: Pick<AddOptions, 'sameMachine'>): 'allowed' | 'refused' {
  return sameMachine ? 'allowed' : 'refused'
}

/** Prints all that is known of a device. */
export async function showDevice(session: Session, name: string, options: OutputOptions): Promise<void> {
  const { screen, clock } = session
  const details = await (await session.functions()).deviceDetails(name)
  const print = linePrinter(screen, options, detailsCsv)
  if (print) return print(details)
  for (const line of detailsLines(screen, details, clock.now())) screen.result(line)
}

/** Gives a device other settings; what they lead to is compared by a person where that was not accepted yet. */
export async function setDevice(
  session: Session,
  { name, words }: Pick<DeviceWords, 'name' | 'words'>,
  options: AddOptions
): Promise<number> {
  const { screen } = session
  const ending = session.ending(() => screen.note('Stopping …'))
  const functions = await session.functions()
  const before = await functions.deviceDetails(name)
  const { connector } = before
  const form = formOf(await functions.connectorForms(), connector)
  const base = options.settings === undefined ? before.settings : readJson('--settings', options.settings)
  const secretNames = form.secrets.map((field) => field.name)
  const settings = settingsOf(words, { schema: form.settings, secrets: secretNames, lists: 'whole' }, base)
  const shownPins = await functions.identifyDevice({ connector, settings }, ending.signal)
  const news = shownPins.filter(
    (pin) =>
      !before.pins.some(({ what, fingerprint }) => pin.what === what && pin.fingerprint === fingerprint)
  )
  await acceptPins(session, news, { given: options.fingerprint, ending })
  // a place that is the same needs nothing accepted again
  const pins = news.length === 0 ? null : shownPins.map(({ what, fingerprint }) => ({ what, fingerprint }))
  const secrets = await readSecrets(form.secrets, options, { asked: [], signal: ending.signal })
  const check = await withSecretsNamed(form.secrets, () =>
    functions.changeDevice({ name, settings, secrets, pins, sameMachine: secondOf(options) })
  )
  const { writable } = await functions.deviceDetails(name)
  const says =
    before.writable && !writable
      ? `it is only read now, since it leads to another place. Next: tlsward device allow ${shown(name)}`
      : 'the new settings work, and are kept.'
  screen.note(`Device ${shown(name)}: ${says}`)
  return printCheck(session, check, options)
}

function formOf(forms: readonly ConnectorForm[], id: string): ConnectorForm {
  const form = forms.find((one) => one.id === id)
  if (form) return form
  const known = forms.map((one) => one.id).join(', ')
  throw malformed('connector', id, `there is none of this name; there are ${known}`)
}

/** Prints what a device says of itself; exit code 3 when a right is missing. */
function printCheck({ screen }: Session, check: DeviceCheck, options: OutputOptions): number {
  const print = linePrinter(screen, options, checkCsv)
  if (print) print(check)
  else for (const line of checkLines(screen, check)) screen.result(line)
  return check.rights.every(({ granted }) => granted) ? 0 : 3
}

interface Accepting {
  /** fingerprints that a person accepted beforehand; undefined: ask */
  readonly given: readonly string[] | undefined
  readonly ending: Ending
}

/** Has a person accept how a device identifies itself. Throws device-pin. */
async function acceptPins(
  { screen }: Session,
  pins: readonly Pin[],
  { given, ending }: Accepting
): Promise<void> {
  for (const { what, fingerprint } of pins) screen.note(`${shown(what)}  ${shown(fingerprint)}`)
  const open = pins.filter(({ fingerprint }) => !given?.includes(fingerprint))
  const [first] = open
  if (!first) return
  const question = `Does the device itself show ${open.length === 1 ? 'this key' : 'these keys'}?`
  if (given === undefined && (await ask(question, ending))) return
  const words = open.map(({ fingerprint }) => `--fingerprint ${shown(fingerprint)}`).join(' ')
  throw new Fault(
    'device-pin',
    `${shown(first.what)} shows ${shown(first.fingerprint)}, which nobody accepted. Compare it on the device itself; if it is the same, answer y or give ${words}.`,
    { what: first.what, fingerprint: first.fingerprint }
  )
}

/** Prints the devices. */
export async function listDevices(session: Session, options: OutputOptions): Promise<void> {
  const { screen } = session
  const devices = await (await session.functions()).devices()
  const view = deviceView(screen)
  const print = linePrinter(screen, options, view)
  if (print) return devices.forEach(print)
  if (devices.length === 0) screen.result('No device yet. Begin with: tlsward device add --help')
  else printTable(screen, view, devices, view.below)
}

interface CheckOptions extends OutputOptions {
  readonly accept?: boolean
  readonly fingerprint?: readonly string[]
}

/** Signs in to a device again and prints what it says. */
export async function checkDevice(session: Session, name: string, options: CheckOptions): Promise<number> {
  const { screen } = session
  const functions = await session.functions()
  if (!options.accept) return printCheck(session, await functions.checkDevice(name, null), options)
  const ending = session.ending(() => screen.note('Stopped: nothing is accepted.'))
  return untilStopped(ending, async () => {
    const pins = await functions.devicePins(name, ending.signal)
    const news = pins.filter(({ accepted }) => !accepted)
    await acceptPins(session, news, { given: options.fingerprint, ending })
    const accepted = pins.map(({ what, fingerprint }) => ({ what, fingerprint }))
    return printCheck(session, await functions.checkDevice(name, accepted, ending.signal), options)
  })
}

/** Prints what is bound where on a device. */
export async function discoverDevice(session: Session, name: string, options: OutputOptions): Promise<void> {
  const { screen } = session
  const ending = session.ending(() => screen.note('Stopping …'))
  const bindings = (await session.functions()).discoverDevice(name, ending.signal)
  const view = bindingView(screen, session.clock.now())
  const print = linePrinter(screen, options, view)
  const all: Binding[] = []
  for await (const binding of bindings) {
    if (print) print(binding)
    else all.push(binding)
    screen.status(`${all.length} targets so far`)
  }
  screen.status('')
  if (print) return
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
  const says = allowed === 'writable' ? 'certificates on it may be replaced now.' : 'it is only read now.'
  screen.note(`Device ${shown(name)}: ${says}`)
}

/** Gives a device other credentials; exit code 3 when they lack a right. */
export async function changeSecrets(
  session: Session,
  name: string,
  options: SecretOptions & OutputOptions
): Promise<number> {
  const functions = await session.functions()
  const device = (await functions.devices()).find((one) => one.name === name)
  if (!device) {
    throw new Fault('device-missing', `There is no device ${shown(name)}. See tlsward device list.`, {
      device: name
    })
  }
  const { secrets: fields } = formOf(await functions.connectorForms(), device.connector)
  const secrets = await readSecrets(fields, options)
  if (Object.keys(secrets).length === 0) throw secretNeeded(fields)
  const check = await withSecretsNamed(fields, () => functions.setDeviceSecrets(name, secrets))
  session.screen.note(`Device ${shown(name)}: the new credentials work, and are kept.`)
  return printCheck(session, check, options)
}

/** Removes a device. */
export async function removeDevice({ screen, functions }: Session, name: string): Promise<void> {
  await (await functions()).removeDevice(name)
  screen.note(`Device ${shown(name)} is removed, with its credentials.`)
}
