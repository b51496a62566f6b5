import { Command } from 'commander'
import type { Run } from '../session.ts'

const examples = `
Examples:
  tlsward import shop.p12                                asks for the password
  tlsward import shop.pem --name shop --password-file pass.txt
  tlsward profile set shop issuer=shop`

/** `tlsward import` */
export function importCertificateCommand(run: Run): Command {
  return new Command('import')
    .summary('keep a certificate with its key that was bought elsewhere')
    .description(
      'Keeps a certificate with its key and chain at an issuer that gives it out, which is made where there is none. The key is sealed in the vault.'
    )
    .argument('<file>', 'PEM with certificates and key, or PKCS#12 (.p12, .pfx); - for standard input')
    .option('--name <NAME>', 'name of the issuer (default: that of the file)')
    .option('--password-file <FILE>', 'password of the file; - is standard input (default: asked for)')
    .option('-j, --json', 'one JSON object (docs/json.md)')
    .addHelpText('after', examples)
    .action((file: string, _options: object, command: Command) =>
      run(command, async (session) => {
        const { importCertificate } = await import('../actions/import.ts')
        return importCertificate(session, file, command.optsWithGlobals())
      })
    )
}
