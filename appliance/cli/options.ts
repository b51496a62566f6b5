import { Option, type Command } from 'commander'
import { Fault } from '../../core/fault.ts'
import { spanOf } from '../span.ts'

/** A parser of an option's value for commander: a whole number from `least` to `most`. */
export function wholeNumber(option: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw malformed(option, text, `write a whole number from ${least} to ${most}`)
  }
}

/** A parser of a span of time for commander, see {@link spanOf}. Gives milliseconds. */
export function span(option: string, unit: 's' | 'd'): (text: string) => number {
  return (text) => {
    const ms = spanOf(text, unit)
    if (ms !== null) return ms
    throw malformed(option, text, `write a span such as ${unit === 'd' ? '30d, 12h' : '500ms, 3s'}`)
  }
}

/** Collects an option that may be given several times, each value split at commas. */
export function commaList(text: string, before: readonly string[] = []): readonly string[] {
  return [
    ...before,
    ...text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
  ]
}

/** Joins an option that may be given several times by commas. */
export function joined(text: string, before?: string): string {
  return before === undefined ? text : `${before},${text}`
}

/** Collects an option that may be given several times, values whole. */
export function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

/** The fault of an option's value. `remedy` begins with a verb. */
export function malformed(option: string, value: string, remedy: string): Fault {
  return new Fault('option-malformed', `${option} is '${value}': ${remedy}.`, { field: option, value })
}

/** Adds the options of a command that prints records. */
export function withOutput(command: Command): Command {
  return command
    .optionsGroup('Output:')
    .addOption(new Option('-j, --json', 'one JSON object per line (docs/json.md)').conflicts('csv'))
    .addOption(new Option('--csv', 'comma-separated values with a head line'))
    .option('-o, --output <FILE>', 'write results to a file')
}
