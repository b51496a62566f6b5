import { Command } from 'commander'
import { withOutput } from '../options.ts'
import type { Run } from '../session.ts'

const examples = `
Examples:
  tlsward why web1/nginx:/etc/nginx/tls/shop.crt
  tlsward why 'web1/*' --csv`

/** `tlsward why` */
export function whyCommand(run: Run): Command {
  const command = new Command('why')
    .summary('say why a target is renewed, or is not')
    .description(
      'Says what will happen to targets and when, or what stands in the way, as the engine itself decides it.'
    )
    .argument('<targets...>', "device/target; 'device/*' for all of a device")
  return withOutput(command)
    .addHelpText('after', examples)
    .action((targets: string[], _options: object, command: Command) =>
      run(command, async (session) => {
        const { explainTargets } = await import('../actions/why.ts')
        return explainTargets(session, targets, command.optsWithGlobals())
      })
    )
}
