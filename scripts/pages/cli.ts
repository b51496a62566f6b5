import type { Command } from 'commander'
import { createProgram } from '../../appliance/cli/program.ts'

/** The help of every command, as it is printed on a terminal of 80 columns. */
export function commandHelp(): string {
  const program = createProgram(() => Promise.resolve(), '')
  return walk(program, []).join('\n\n')
}

function walk(command: Command, parents: readonly string[]): string[] {
  const names = [...parents, command.name()]
  const help = command.createHelp()
  const children = help.visibleCommands(command).filter((child) => child.name() !== 'help')
  return [page(command, names), ...children.flatMap((child) => walk(child, names))]
}

function page(command: Command, names: readonly string[]): string {
  let text = ''
  command.configureHelp({ ...command.configureHelp(), helpWidth: 80 })
  command.configureOutput({ writeOut: (part) => (text += part) })
  command.outputHelp()
  return [`## ${names.join(' ')}`, '', '```text', text.trim(), '```'].join('\n')
}
