import { CommanderError } from 'commander'
import { asFault, Fault, faultKinds } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'

/** A thrown value of the CLI as a fault; undefined when it only says that help or version was printed. */
export function faultOf(thrown: unknown): Fault | undefined {
  if (!(thrown instanceof CommanderError)) return asFault(thrown)
  if (thrown.exitCode === 0) return undefined
  const code = thrown.code === 'commander.unknownOption' ? 'option-unknown' : 'option-malformed'
  return new Fault(code, usageMessage(thrown), {}, thrown)
}

/** Commander's sentence in our form: what is wrong, what was meant, where to read on. */
function usageMessage({ code, message }: CommanderError): string {
  if (code === 'commander.help') return 'a command is missing. See the list above.'
  const [what = '', meant = ''] = message.replace(/^error: /, '').split('\n')
  const suggestion = meant.replace(/^\(Did you mean (.*)\?\)$/, 'Did you mean $1?')
  return `${what.replace(/\.$/, '')}.${suggestion ? ` ${suggestion}` : ''}`
}

/** The exit code that the kind of a fault asks for. */
export function exitCodeOf(fault: Fault): number {
  return faultKinds[fault.kind].exitCode
}

/**
 * What the person reads: the sentence and the code to look up in docs/errors.md; for a wrong command line also
 * whose help to read.
 */
export function failureText(fault: Fault, command: string): string {
  const help = fault.code.startsWith('option-') ? ` See ${command} --help.` : ''
  const lines = [`tlsward: ${visible(fault.message, 2000)}${help} [${fault.code}]`]
  const stack = fault.kind === 'bug' && fault.cause instanceof Error ? (fault.cause.stack ?? '') : ''
  return [...lines, ...stack.split('\n').map((line) => visible(line, 2000))].join('\n').trimEnd()
}
