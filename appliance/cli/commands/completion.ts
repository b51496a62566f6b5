import { Argument, Command } from 'commander'
import type { Shell } from '../completion.ts'
import type { Run } from '../session.ts'

/** `tlsward completion SHELL` */
export function completionCommand(run: Run, program: Command): Command {
  return new Command('completion')
    .summary('print a completion script for a shell')
    .description('Prints a script that completes commands, options and their values.')
    .addArgument(new Argument('<shell>', 'whose script').choices(['bash', 'zsh', 'fish'] satisfies Shell[]))
    .addHelpText(
      'after',
      `
Examples:
  source <(tlsward completion bash)                                     this shell only
  tlsward completion bash > ~/.local/share/bash-completion/completions/tlsward
  tlsward completion zsh > "\${fpath[1]}/_tlsward"
  tlsward completion fish > ~/.config/fish/completions/tlsward.fish`
    )
    .action((shell: Shell, _options: object, command: Command) =>
      run(command, async ({ screen }) => {
        const { completionScript } = await import('../completion.ts')
        screen.result(completionScript(program, shell).trimEnd())
      })
    )
}
