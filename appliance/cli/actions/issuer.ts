import type { IssuerForm } from '../../automation-functions.ts'
import { readSecrets, withSecretsNamed, type SecretOptions } from '../automation/secrets.ts'
import { readJson, settingsOf } from '../automation/setting-words.ts'
import { malformed } from '../options.ts'
import { linePrinter, printTable, shown } from '../output.ts'
import type { OutputOptions, Session } from '../session.ts'
import type { Issuer, IssuerCheck } from '../../automation-records.ts'
import { issuerDetailsCsv, issuerDetailsLines } from '../views/details.ts'
import { issuerCheckCsv, issuerLines, issuerView } from '../views/issuers.ts'

interface IssuerWords {
  readonly name: string
  readonly kind: Issuer['kind']
  readonly words: readonly string[]
}

interface AddOptions extends OutputOptions, SecretOptions {
  readonly settings?: string
}

/** Adds an issuer, once it answers. */
export async function addIssuer(session: Session, of: IssuerWords, options: AddOptions): Promise<void> {
  const functions = await session.functions()
  const { name, kind } = of
  const form = formOf(await functions.issuerForms(), kind)
  const base = options.settings === undefined ? {} : readJson('--settings', options.settings)
  const secretNames = form.secrets.map((field) => field.name)
  const settings = settingsOf(of.words, { schema: form.settings, secrets: secretNames, lists: 'whole' }, base)
  const secrets = await readSecrets(form.secrets, options)
  const check = await withSecretsNamed(form.secrets, () =>
    functions.addIssuer({ name, kind, settings, secrets })
  )
  session.screen.note(`Issuer ${shown(name)} is kept. Next: tlsward profile set --help`)
  printCheck(session, check, options)
}

function formOf(forms: readonly IssuerForm[], kind: string): IssuerForm {
  const form = forms.find((one) => one.kind === kind)
  if (form) return form
  const known = forms.map((one) => one.kind).join(', ')
  throw malformed('kind', kind, `this version has ${known}`)
}

/** Prints what an issuer says of itself; exit code 5 when it cannot give certificates. */
function printCheck({ screen }: Session, check: IssuerCheck, options: OutputOptions): number {
  const print = linePrinter(screen, options, issuerCheckCsv)
  if (print) print(check)
  else for (const line of issuerLines(screen, check)) screen.result(line)
  return check.problems.length === 0 ? 0 : 5
}

/** Prints the issuers. */
export async function listIssuers({ screen, functions }: Session, options: OutputOptions): Promise<void> {
  const issuers = await (await functions()).issuers()
  const print = linePrinter(screen, options, issuerView)
  if (print) return issuers.forEach(print)
  if (issuers.length === 0) screen.result('No issuer yet. Begin with: tlsward issuer add --help')
  else printTable(screen, issuerView, issuers)
}

/** Prints all that is known of an issuer. */
export async function showIssuer(session: Session, name: string, options: OutputOptions): Promise<void> {
  const { screen, clock } = session
  const details = await (await session.functions()).issuerDetails(name)
  const print = linePrinter(screen, options, issuerDetailsCsv)
  if (print) return print(details)
  for (const line of issuerDetailsLines(screen, details, clock.now())) screen.result(line)
}

interface CheckOptions extends OutputOptions {
  readonly roots?: boolean
}

/** Reaches an issuer and prints what it says, or its own roots alone. */
export async function checkIssuer(session: Session, name: string, options: CheckOptions): Promise<number> {
  const check = await (await session.functions()).checkIssuer(name)
  if (!options.roots) return printCheck(session, check, options)
  if (check.roots.length === 0) session.screen.note(`Issuer ${shown(name)} has no roots of its own.`)
  for (const pem of check.roots) session.screen.result(pem.trimEnd())
  return 0
}

/** Removes an issuer. */
export async function removeIssuer({ screen, functions }: Session, name: string): Promise<void> {
  await (await functions()).removeIssuer(name)
  screen.note(`Issuer ${shown(name)} is removed, with its secrets.`)
}
