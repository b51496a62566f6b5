import type { Secret } from '../../core/secret.ts'
import { posix } from 'node:path'
import type { Check, Right } from '../contract.ts'
import { type Host, shown } from '../shared/host.ts'
import { sudoAllows, sudoersLine } from '../shared/sudo.ts'
import { findExecutables, kernelRelease, signalByPidFile, whoAmI } from './client.ts'
import { type Reading, replacedNote } from './model.ts'
import { commandsOf } from './programs.ts'
import { adminSocket } from './runtime-places.ts'
import { addressesOf } from './settings.ts'
import { type HostAccess, survey, type Survey } from './survey.ts'
import { targetsOf } from './targets.ts'

/** What asking about sudo needs. */
export interface Sudo {
  /** as the login itself */
  readonly host: Host
  readonly password: Secret | undefined
}

/** What runs on a host, and whether the login is enough; nothing is changed. */
export async function checkHost(access: HostAccess, sudo: Sudo): Promise<Check> {
  const found = await survey(access)
  const { readings } = found
  const usable = readings.filter(({ program }) => program.trouble === null)
  const programs = readings.filter(({ program }) => program.kind !== 'files').map(({ program }) => program)
  const rights = [
    ...(await commandRights(access, usable, sudo)),
    ...(await signalRights(access, usable)),
    ...(await socketRights(access, usable)),
    ...(await readRights(access, readings)),
    ...(await fileRights(access, found))
  ]
  return {
    product: programs.map(({ name }) => name).join(', ') || 'Linux host',
    version: programs.map(({ version }) => version).join(', ') || (await kernelRelease(access.host)),
    role: 'single',
    rights,
    notes: await notesOf(access, found)
  }
}

/** What runs and is not used, and what is expected and does not run. */
async function notesOf(access: HostAccess, { readings, leftAlone }: Survey): Promise<string[]> {
  const { settings, files, host, login } = access
  const programs = readings.filter(({ program }) => program.kind !== 'files').map(({ program }) => program)
  const notes = [
    ...leftAlone.map(({ title, unmanaged }) => `${title}: ${unmanaged.why}.`),
    ...programs.flatMap(({ name, trouble }) => (trouble === null ? [] : [`${name}: ${trouble.why}.`])),
    ...programs.flatMap((program) => (program.isReplaced ? [replacedNote(program)] : []))
  ]
  for (const path of settings.configs) {
    if (programs.some(({ id }) => id.split(' ').includes(path))) continue
    const isThere = (await files.realPath(path)) !== undefined
    const remedy = isThere
      ? 'start it, or take the path out of the setting'
      : 'it is not there: correct the setting'
    notes.push(`configs names ${path}, which no running program uses: ${remedy}.`)
  }
  for (const account of settings.programAccounts) {
    if (!login.named.has(account))
      notes.push(`programAccounts names ${account}, which the host does not know.`)
  }
  const idle = settings.programs.filter(
    (kind) => ![...programs, ...leftAlone].some((one) => one.kind === kind)
  )
  for (const [name, path] of await findExecutables(
    host,
    idle.flatMap((kind) => commandsOf[kind])
  )) {
    notes.push(
      `${path} is installed and does not run: start it (systemctl start ${name}) so that its certificates are found.`
    )
  }
  if (readings.length === 0 && leftAlone.length === 0)
    notes.push('None of nginx, HAProxy and Apache runs here, and no other files are named.')
  return notes
}

/** tests, reloads and starts, as root */
async function commandRights(access: HostAccess, readings: readonly Reading[], sudo: Sudo): Promise<Right[]> {
  const { settings, login } = access
  // the account of this process has no name in the settings
  const user = settings.place === 'local' ? (await whoAmI(sudo.host)).user : settings.user
  const wanted = readings.flatMap(({ program: { name, test, reload, start } }) => [
    ...(test ? [{ what: `test ${name}`, argv: test }] : []),
    ...(reload?.by === 'command' ? [{ what: `reload ${name}`, argv: reload.argv }] : []),
    ...(start ? [{ what: `start ${name} when a reload ended it`, argv: start }] : [])
  ])
  const rights: Right[] = []
  for (const { what, argv } of wanted) {
    const granted =
      settings.sudo === 'no' ? login.uid === 0 : await sudoAllows(sudo.host, sudo.password, argv)
    const line = sudoersLine(user, [argv])
    const remedy =
      settings.sudo === 'no'
        ? `Sign in as root, or switch on sudo and add: ${line}`
        : `Add to sudoers: ${line}`
    rights.push({ what: `${what}: ${shown(argv)}`, granted, remedy: granted ? null : remedy })
  }
  return rights
}

async function signalRights({ host }: HostAccess, readings: readonly Reading[]): Promise<Right[]> {
  const rights: Right[] = []
  for (const { program } of readings) {
    const { name, reload } = program
    if (reload?.by !== 'signal') continue
    // signal 0 only asks whether another one could be sent (kill(2))
    const ran = await signalByPidFile(host, '0', reload.pidFile)
    const what = `signal ${reload.signal} to ${name} (${reload.pidFile})`
    const remedy = `Name a command that reloads ${name} instead, or sign in as root or as its user.`
    rights.push({ what, granted: ran.code === 0, remedy: ran.code === 0 ? null : remedy })
  }
  return rights
}

async function socketRights(access: HostAccess, readings: readonly Reading[]): Promise<Right[]> {
  if (access.settings.haproxySwitch === 'reload') return []
  const rights: Right[] = []
  for (const reading of readings.filter(({ program }) => program.kind === 'haproxy')) {
    const { path, exposed } = await adminSocket(access, reading)
    const granted = path !== undefined
    const example = 'stats socket /run/haproxy/admin.sock mode 660 level admin'
    const remedy =
      exposed === null
        ? `Give the login the group of a stats socket with level admin (global: ${example}); without it HAProxy is reloaded.`
        : `${exposed}; until then HAProxy is reloaded.`
    rights.push({ what: `admin socket of ${reading.program.name}`, granted, remedy: granted ? null : remedy })
  }
  return rights
}

/** reading configurations, certificates and keys */
async function readRights({ files, login }: HostAccess, readings: readonly Reading[]): Promise<Right[]> {
  const named = readings.flatMap(({ uses }) =>
    uses.flatMap(({ pairs }) => pairs.flatMap((pair) => pair.files.map(({ path }) => path)))
  )
  const paths = [...new Set(named)].sort()
  const hidden = [...readings.flatMap(({ unreadable }) => unreadable), ...(await files.unreadable(paths))]
  if (hidden.length === 0) {
    return [{ what: 'read configurations, certificates and keys', granted: true, remedy: null }]
  }
  return hidden.map((path) => ({
    what: `read ${path}`,
    granted: false,
    remedy: `Give ${login.user} the right to read ${path} (owner, group or setfacl), or switch on sudo for everything.`
  }))
}

/** making links where the certificates lie */
async function fileRights(access: HostAccess, found: Survey): Promise<Right[]> {
  const { files, settings, login } = access
  const targets = await targetsOf(found, access, addressesOf(settings))
  const managed = targets.filter(({ unmanaged }) => unmanaged === null)
  const directories = new Set(
    managed.flatMap(({ places }) =>
      places.flatMap((place) => place.files.map(({ path, own }) => (own ? own.site : posix.dirname(path))))
    )
  )
  const closed = await files.unwritable([...directories])
  return [...directories].sort().map((directory) => {
    const granted = !closed.includes(directory)
    const remedy = `Give the login the directory (chown ${login.user} ${directory}), or switch on sudo for everything.`
    return { what: `write in ${directory}`, granted, remedy: granted ? null : remedy }
  })
}
