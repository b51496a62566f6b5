import { Command, Option } from 'commander'
import type { Run } from '../session.ts'

const examples = `
Examples:
  tlsward certificate show 3fa9c2         by the first digits of its SHA-256 fingerprint
  tlsward certificate show 10.1.2.3:443   those that an endpoint shows, each key type
  tlsward certificate show 10.1.2.3:443/www.example.com
  tlsward certificate show server.pem     a certificate in a file, PEM or DER
  tlsward certificate show 3fa9c2 --pem > server.pem`

/** `tlsward certificate` */
export function certificateCommand(run: Run): Command {
  const command = new Command('certificate').alias('cert').summary('show a certificate')
  command
    .description('Shows certificates of the inventory or of files.')
    .command('show')
    .summary('show a certificate')
    .description(
      'Shows a certificate: its names, dates, key, trust, where it is served, and what is wrong with it.'
    )
    .argument(
      '<certificate>',
      'fingerprint (the first digits are enough), host:port[/name] or file; - for standard input'
    )
    .optionsGroup('Output:')
    .addOption(new Option('-j, --json', 'one JSON object (docs/json.md)').conflicts('pem'))
    .option('--pem', 'the certificate itself')
    .option('-o, --output <FILE>', 'write it to a file')
    .addHelpText('after', examples)
    .action((which: string, _options: object, command: Command) =>
      run(command, async (session) => {
        const { showCertificate } = await import('../actions/certificate.ts')
        return showCertificate(session, which, command.optsWithGlobals())
      })
    )
  return command
}
