import { Command } from 'commander'
import { withOutput } from '../options.ts'
import type { Run } from '../session.ts'
import { scanOptions } from './scan-options.ts'

const examples = `
Examples:
  tlsward scan 10.0.0.0/16                              the default ports of a network
  tlsward scan www.example.com 10.1.2.3:8443            a name with all its addresses, and one endpoint
  tlsward scan -l hosts.txt -p web,8000-8100 --json     a list, as JSON lines
  nmap -oX - -p 443 10.0.0.0/24 | tlsward scan --from nmap -l -
  tlsward scan 10.0.0.0/8 --rate 500 --window 'Mon-Fri 22:00-06:00 Europe/Berlin' --yes
  tlsward scan --resume 12                              go on where scan 12 stopped`

/** `tlsward scan` */
export function scanCommand(run: Run): Command {
  const command = new Command('scan')
    .summary('find TLS endpoints and keep what they show')
    .description('Probes addresses and ports for TLS and records every endpoint and certificate found.')
    .argument('[targets...]', 'addresses, networks, ranges a-b, host names, host:port')
    .addHelpText('after', examples)
  scanOptions(command)
  return withOutput(command).action((targets: string[], _options: object, command: Command) =>
    run(command, async (session) => {
      const { scan } = await import('../actions/scan.ts')
      return scan(session, targets, command.optsWithGlobals())
    })
  )
}
