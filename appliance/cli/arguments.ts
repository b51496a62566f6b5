import type { Command } from 'commander'

/**
 * The words of a command line with `-ports` written as `--ports`: a single dash before a whole long name is the
 * habit of tlsx. Only names that the program knows are changed, so clusters of short options stay.
 */
export function expandDashes(program: Command, words: readonly string[]): string[] {
  const known = new Set(
    allCommands(program).flatMap((command) => command.options.map((option) => option.long))
  )
  const end = words.indexOf('--')
  return words.map((word, at) => {
    if (end >= 0 && at >= end) return word
    const name = /^-(?<name>[a-z][a-z-]+)(?==|$)/.exec(word)?.groups?.['name']
    return name !== undefined && known.has(`--${name}`) ? `-${word}` : word
  })
}

/** The name of the deepest command that the words reach, `tlsward scans add`: whose help is worth reading. */
export function nearestCommand(program: Command, words: readonly string[]): string {
  let command = program
  const names = [program.name()]
  for (const word of words) {
    const child = command.commands.find((one) => one.name() === word || one.aliases().includes(word))
    if (!child) continue
    command = child
    names.push(child.name())
  }
  return names.join(' ')
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)]
}
