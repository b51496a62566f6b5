import { Command, Option } from 'commander'
import { certificateCommand } from './commands/certificate.ts'
import { completionCommand } from './commands/completion.ts'
import { deviceCommand } from './commands/device.ts'
import { diffCommand } from './commands/diff.ts'
import { endpointCommand } from './commands/endpoint.ts'
import { eventsCommand } from './commands/events.ts'
import { importCertificateCommand } from './commands/import.ts'
import { inventoryCommand } from './commands/inventory.ts'
import { issuerCommand } from './commands/issuer.ts'
import { profileCommand } from './commands/profile.ts'
import { replaceCommand } from './commands/replace.ts'
import { runCommand } from './commands/run.ts'
import { scanCommand } from './commands/scan.ts'
import { scansCommand } from './commands/scans.ts'
import { vaultCommand } from './commands/vault.ts'
import { whyCommand } from './commands/why.ts'
import { repeated } from './options.ts'
import type { Run } from './session.ts'

/** Ends the help of the program. */
const more = `
Examples:
  tlsward scan 10.0.0.0/16                   find what answers TLS, and keep it
  tlsward inventory                          what is known, and what is wrong with it
  tlsward inventory --expiring 30d --csv     a list for a colleague
  tlsward certificate show 3fa9c2            one certificate in full
  tlsward device add web1 web-hosts address=10.0.0.5
  tlsward replace 'web1/*' --profile web     new certificates for all of a host

Exit codes:
  0 done · 1 --fail-on found something · 2 wrong input · 3 no right · 4 not there · 5 conflict
  6 busy · 7 unreachable or disk full · 8 not understood · 70 mistake of Tlsward
  130, 143 stopped before its end (0 for tlsward run, which has none)
  of a replacement: 9 rolled back · 10 stuck · 11 failed · 12 waits for somebody · 13 cancelled
  14 waits for a time to come`

/** In the order of the help: what finds, what replaces. */
const commands = [
  scanCommand,
  inventoryCommand,
  endpointCommand,
  certificateCommand,
  scansCommand,
  diffCommand,
  deviceCommand,
  issuerCommand,
  importCertificateCommand,
  profileCommand,
  replaceCommand,
  eventsCommand,
  whyCommand,
  vaultCommand,
  runCommand
]

/** The tree of commands. Nothing but this tree is loaded before a command runs. */
export function createProgram(run: Run, version: string): Command {
  const program = new Command('tlsward')
    .description(
      'Finds every TLS endpoint of your networks, says what is wrong with its certificate, and replaces it.'
    )
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', more)
    .option('--state <DIR>', 'directory of the inventory (or TLSWARD_STATE)')
    .option('--config <DIR>', 'directory of settings and the do-not-scan list (or TLSWARD_CONFIG)')
    .addOption(
      new Option(
        '--ca <FILE>',
        'own authorities that are trusted, beside authorities.pem in --config'
      ).argParser(repeated)
    )
    .option('-q, --quiet', 'say nothing but results and errors')
    .addOption(new Option('--no-color', 'no colours, also on a terminal (or NO_COLOR)'))
    .exitOverride()
  for (const make of commands) program.addCommand(make(run))
  program.addCommand(completionCommand(run, program))
  eachCommand(program, (command) => {
    command.copyInheritedSettings(program).configureHelp({ showGlobalOptions: true })
    // errors are printed once, by main, in the form of every other fault
    command.configureOutput({ outputError: () => {} })
  })
  return program
}

function eachCommand(command: Command, act: (command: Command) => void): void {
  act(command)
  for (const child of command.commands) eachCommand(child, act)
}
