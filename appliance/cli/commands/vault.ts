import { Command } from 'commander'
import { withOutput } from '../options.ts'
import type { Run } from '../session.ts'

const examples = `
Examples:
  tlsward vault                                      what opens it, and how much it keeps
  tlsward vault rotate                               a new key for everything in it
  tlsward vault source passphrase                    asked for at each start
  tlsward vault source passphrase from=env-file:/etc/tlsward/passphrase#PASSPHRASE
  tlsward vault source systemd-credential name=tlsward-vault
  tlsward vault source file path=/mnt/keys/tlsward.key

docs/vault.md says what each source protects. Keep a copy of the key file or the passphrase elsewhere.`

const actions = () => import('../actions/vault.ts')

/** `tlsward vault` */
export function vaultCommand(run: Run): Command {
  const vault = new Command('vault')
    .summary('what keeps credentials and keys, and what opens it')
    .description('The vault keeps credentials of devices, account keys and the keys of orders, sealed.')
    .addHelpText('after', examples)
  withOutput(vault.command('show', { isDefault: true }))
    .summary('how it stands')
    .description('Says what opens the vault, and how much it keeps. Shows no secret.')
    .action((_options: object, command: Command) =>
      run(command, async (session) => (await actions()).showVault(session, command.optsWithGlobals()))
    )
  vault
    .command('rotate')
    .summary('seal everything with a new key')
    .description('Seals everything anew with a new key, and forgets the old one.')
    .action((_options: object, command: Command) =>
      run(command, async (session) => (await actions()).rotateVault(session))
    )
  vault
    .command('source')
    .summary('open it by another source')
    .description('Opens the vault by another source from now on, and writes that into the settings.')
    .argument('<source>', 'file, passphrase or systemd-credential')
    .argument('[settings...]', 'path=FILE, from=env-file:/path#NAME, name=NAME')
    .action((source: string, words: string[], _options: object, command: Command) =>
      run(command, async (session) => (await actions()).changeSource(session, source, words))
    )
  return vault
}
