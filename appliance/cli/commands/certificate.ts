import { existsSync } from 'node:fs'
import { Command, Option } from 'commander'
import type { Certificate } from '../../records.ts'
import { readBytes } from '../options.ts'
import type { OutputOptions, Run, Session } from '../session.ts'
import { certificateLines } from '../views/certificate.ts'

/** Options of `certificate show` as commander gives them. */
interface ShowOptions extends OutputOptions {
  readonly pem?: boolean
}

const examples = `
Examples:
  tlsward certificate show 3fa9c2         by the first digits of its SHA-256 fingerprint
  tlsward certificate show server.pem     a certificate in a file, PEM or DER
  tlsward certificate show 3fa9c2 --pem > server.pem`

/** `tlsward certificate` */
export function certificateCommand(run: Run): Command {
  const command = new Command('certificate').alias('cert').summary('show a certificate')
  command
    .description('Shows certificates of the inventory or of files.')
    .command('show')
    .summary('show a certificate')
    .description('Shows one certificate: its names, dates, key, and where it is served.')
    .argument('<certificate>', 'fingerprint (the first digits are enough) or file; - for standard input')
    .optionsGroup('Output:')
    .addOption(new Option('-j, --json', 'one JSON object (docs/json.md)').conflicts('pem'))
    .option('--pem', 'the certificate itself')
    .option('-o, --output <FILE>', 'write it to a file')
    .addHelpText('after', examples)
    .action((which: string, _options: object, command: Command) =>
      run(command, (session) => show(session, which, command.optsWithGlobals<ShowOptions>()))
    )
  return command
}

async function show(session: Session, which: string, options: ShowOptions): Promise<void> {
  const { screen, clock } = session
  const certificate = await find(session, which)
  if (options.json) screen.result(JSON.stringify(certificate))
  else if (options.pem) screen.result(certificate.pem.trimEnd())
  else for (const line of certificateLines(screen, certificate, clock.now())) screen.result(line)
}

/** A file wins over a fingerprint: nobody names a file like one by accident. */
async function find(session: Session, which: string): Promise<Certificate> {
  if (which === '-' || existsSync(which)) {
    const { certificateOfFile } = await import('../../certificate-file.ts')
    return certificateOfFile(readBytes('certificate', which), which)
  }
  const functions = await session.functions()
  return functions.certificate(which)
}
