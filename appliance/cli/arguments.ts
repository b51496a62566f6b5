import { Command, CommanderError } from 'commander'
import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'

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

/**
 * Refuses a word in the place of a command that is none: where a group lists when no command is named, it would be taken
 * for an argument of that list. Throws option-malformed with the names that there are.
 */
export function checkNames(program: Command, words: readonly string[]): void {
  let command = program
  const options = [...program.options]
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (word === '--') return
    if (word.startsWith('-')) {
      const option = options.find((one) => one.long === word || one.short === word)
      if (option?.required === true) at++
      continue
    }
    const child = command.commands.find((one) => one.name() === word || one.aliases().includes(word))
    if (!child) return refuse(command, { program, word })
    command = child
    options.push(...child.options, ...child.commands.flatMap((one) => one.options))
  }
}

function refuse(
  command: Command,
  { program, word }: { readonly program: Command; readonly word: string }
): void {
  // the parser itself does the rest: names of the program, help, arguments
  if (command === program || word === 'help' || command.commands.length === 0) return
  if ([command, ...command.commands.filter((one) => one.name() === 'list')].some(takesArguments)) return
  const names = command.commands.map((one) => one.name())
  const name = nearestCommand(program, pathOf(command))
  const meant = similar(word, names)
  const message = `unknown command '${visible(word, 60)}' of ${name}.${meant} Its commands are ${names.join(', ')}.`
  throw new Fault('option-malformed', message, { value: visible(word, 60) })
}

const takesArguments = ({ registeredArguments }: Command) => registeredArguments.length > 0

function pathOf(command: Command): string[] {
  return command.parent ? [...pathOf(command.parent), command.name()] : []
}

/** ` Did you mean approve?`, as the parser suggests it; '' when nothing is like it. */
function similar(word: string, names: readonly string[]): string {
  const asker = new Command()
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError() {} })
  for (const name of names) asker.command(name)
  try {
    asker.parse([word], { from: 'user' })
  } catch (thrown) {
    const [, meant] =
      /\(Did you mean (.*)\?\)/.exec(thrown instanceof CommanderError ? thrown.message : '') ?? []
    if (meant !== undefined) return ` Did you mean ${meant}?`
  }
  return ''
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)]
}
