import { Fault } from '../../../core/fault.ts'
import { jsonLine } from '../../../core/text.ts'
import { ProfileText } from '../../../sensor/automation/profile.ts'
import { readJson, settingsOf } from '../automation/setting-words.ts'
import { targetsOf } from '../automation/targets.ts'
import { malformed } from '../options.ts'
import { linePrinter, printTable, shown } from '../output.ts'
import type { OutputOptions, Session } from '../session.ts'
import type { Profile } from '../../automation-records.ts'
import { profileLines, profileView } from '../views/profiles.ts'
import { counted } from '../words.ts'

interface SetOptions extends OutputOptions {
  readonly file?: string
}

/** Makes a profile, or changes fields of one that is there. */
export async function setProfile(
  session: Session,
  { name, words }: { readonly name: string; readonly words: readonly string[] },
  options: SetOptions
): Promise<void> {
  if (words.length === 0 && options.file === undefined) {
    throw malformed('profile', name, 'give fields, such as issuer=ca, or --file FILE')
  }
  const functions = await session.functions()
  const before = (await functions.profiles()).find((one) => one.name === name)
  const base = options.file === undefined ? (before?.content ?? {}) : readJson('--file', options.file)
  const content = settingsOf(words, { schema: ProfileText, secrets: [], lists: 'parted' }, base)
  const profile = await functions.putProfile(name, content)
  printProfile(session, profile, options)
  session.screen.note(
    profile.targets > 0
      ? `Profile ${shown(name)} is kept; ${counted(profile.targets, 'target')} will be renewed by it.`
      : `Profile ${shown(name)} is kept. Next: tlsward replace DEVICE/TARGET --profile ${shown(name)} --plan`
  )
}

/** Prints the profiles. */
export async function listProfiles({ screen, functions }: Session, options: OutputOptions): Promise<void> {
  const profiles = await (await functions()).profiles()
  const print = linePrinter(screen, options, profileView)
  if (print) return profiles.forEach(print)
  if (profiles.length === 0) screen.result('No profile yet. Begin with: tlsward profile set --help')
  else printTable(screen, profileView, profiles)
}

/** Prints one profile in full. */
export async function showProfile(session: Session, name: string, options: OutputOptions): Promise<void> {
  const profiles = await (await session.functions()).profiles()
  const profile = profiles.find((one) => one.name === name)
  if (!profile) {
    throw new Fault('profile-missing', `There is no profile ${shown(name)}. See tlsward profile list.`, {
      profile: name
    })
  }
  printProfile(session, profile, options)
}

function printProfile({ screen }: Session, profile: Profile, options: OutputOptions): void {
  if (options.json) return screen.result(jsonLine(profile))
  for (const line of profileLines(screen, profile)) screen.result(line)
}

/** Removes a profile. */
export async function removeProfile({ screen, functions }: Session, name: string): Promise<void> {
  await (await functions()).removeProfile(name)
  screen.note(`Profile ${shown(name)} is removed.`)
}

/** From now on renews targets by themselves, or not any more (`profile` null). */
export async function assignProfile(
  session: Session,
  profile: string | null,
  words: readonly string[]
): Promise<void> {
  const { screen } = session
  const ending = session.ending(() => screen.note('Stopping …'))
  const functions = await session.functions()
  const targets = await targetsOf(words, { functions, signal: ending.signal })
  if (ending.signal.aborted) return
  await functions.assignProfile(targets, profile)
  screen.note(
    profile === null
      ? `${counted(targets.length, 'target')}: not renewed by itself any more.`
      : `${counted(targets.length, 'target')}: renewed by profile ${shown(profile)} from now on, while tlsward run is up. See tlsward why '${shown(targets[0] ?? '')}'`
  )
}
