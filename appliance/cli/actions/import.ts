import { basename, extname } from 'node:path'
import { Fault } from '../../../core/fault.ts'
import { jsonLine } from '../../../core/text.ts'
import type { Imported } from '../../automation-records.ts'
import { askSecret } from '../ask-secret.ts'
import { readBytes, readText } from '../files.ts'
import { malformed } from '../options.ts'
import { shown } from '../output.ts'
import type { OutputOptions, Session } from '../session.ts'
import { importedLines } from '../views/issuers.ts'

interface ImportOptions extends OutputOptions {
  readonly name?: string
  readonly passwordFile?: string
}

/** Puts a certificate with its key that was bought elsewhere on the shelf of an issuer. */
export async function importCertificate(
  session: Session,
  file: string,
  options: ImportOptions
): Promise<void> {
  const { screen } = session
  const name = options.name ?? nameOf(file)
  if (file === '-' && options.passwordFile === '-') {
    throw malformed('--password-file', '-', 'only one of both can come from standard input')
  }
  const content = readBytes('file', file).toString('base64')
  const given = options.passwordFile === undefined ? null : passwordOf(options.passwordFile)
  const imported = await keep(session, { name, content, password: given })
  if (options.json) return screen.result(jsonLine(imported))
  for (const line of importedLines(screen, imported)) screen.result(line)
  screen.note(
    `Issuer ${shown(imported.issuer)} gives it out. Next: tlsward profile set NAME issuer=${shown(imported.issuer)}`
  )
}

interface Import {
  readonly name: string
  readonly content: string
  readonly password: string | null
}

/** Asks for the password where the file needs one and nobody has named a file with it. */
async function keep({ functions }: Session, { name, content, password }: Import): Promise<Imported> {
  const served = await functions()
  try {
    return await served.importCertificate(name, content, password)
  } catch (thrown) {
    const isAsked = thrown instanceof Fault && thrown.code === 'passphrase-wrong' && password === null
    if (!isAsked) throw thrown
    const typed = await askSecret('Password of the file')
    if (typed !== undefined) return served.importCertificate(name, content, typed)
    throw new Fault(
      'passphrase-wrong',
      `${thrown.message} Give it with --password-file FILE (- is standard input).`,
      thrown.facts,
      thrown
    )
  }
}

function passwordOf(file: string): string {
  return readText('--password-file', file).replace(/\r?\n$/, '')
}

/** `shop.example.p12` → `shop.example` */
function nameOf(file: string): string {
  if (file !== '-') return basename(file, extname(file))
  throw malformed('--name', '', 'name the import: standard input has no name')
}
