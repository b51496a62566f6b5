import type { Disk } from './disk.ts'
import { type JsonObject, textOf } from './json.ts'
import { badProperty, missingProperty, unknownPath } from './refusal.ts'

const programs: Readonly<Record<string, string>> = { 'unix-rm': 'rm', 'unix-mv': 'mv', 'unix-ls': 'ls' }

/** POST tm util NAME: programs of the unit. What goes wrong is told in commandResult, with status 200. */
export function runUtility(disk: Disk, name: string, body: JsonObject): JsonObject {
  if (textOf(body, 'command') !== 'run') throw badProperty('command')
  const args = textOf(body, 'utilCmdArgs')
  if (args === undefined) throw missingProperty('utilCmdArgs')
  const program = programs[name]
  if (program === undefined && name !== 'bash') throw unknownPath(`/mgmt/tm/util/${name}`)
  const result =
    program === undefined ? bash(disk, args) : run(disk, [program, ...words(args)], `/bin/${program}`)
  return {
    kind: `tm:util:${name}:runstate`,
    command: 'run',
    utilCmdArgs: args,
    ...(result === '' ? {} : { commandResult: result })
  }
}

/** -c 'one; or several && commands | base64' */
function bash(disk: Disk, args: string): string {
  const script = /^\s*-c\s+(?:'(?<single>[^']*)'|"(?<double>[^"]*)"|(?<bare>.*))\s*$/.exec(args)?.groups
  if (!script) return `/bin/bash: ${args}: No such file or directory\n`
  const text = script['single'] ?? script['double'] ?? script['bare'] ?? ''
  return text
    .split(/;|&&/)
    .filter((command) => command.trim() !== '')
    .map((command) => piped(disk, command))
    .join('')
}

function piped(disk: Disk, command: string): string {
  const [first = [], ...filters] = command.split('|').map(words)
  const output = run(disk, first, 'bash')
  return filters.reduce((text, [filter]) => {
    if (filter === 'base64') return lines(Buffer.from(text, 'latin1').toString('base64'))
    return `bash: ${filter}: command not found\n`
  }, output)
}

const lines = (text: string) => `${(text.match(/.{1,76}/g) ?? []).join('\n')}\n`

function words(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? '')
}

function run(disk: Disk, [program = '', ...given]: readonly string[], says: string): string {
  const options = given.filter((word) => word.startsWith('-')).join('')
  const paths = given.filter((word) => !word.startsWith('-'))
  const missing = (verb: string, path: string) =>
    options.includes('f')
      ? ''
      : `${says === 'bash' ? program : says}: cannot ${verb} '${path}': No such file or directory\n`
  const [from = '', to = ''] = paths
  switch (program.replace(/^\/bin\//, '')) {
    case 'rm':
      return paths
        .map((path) => removed(disk, path) || missing('remove', path))
        .filter((one) => one !== gone)
        .join('')
    case 'ls':
      return paths.map((path) => listed(disk, path) || missing('access', path)).join('')
    case 'cat':
      return paths
        .map(
          (path) =>
            disk
              .find(path)
              .map((one) => disk.read(one) ?? '')
              .join('') || missing('open', path)
        )
        .join('')
    case 'cp':
    case 'mv': {
      const [source] = disk.find(from)
      if (source === undefined) return missing('stat', from)
      disk.write(to, disk.read(source) ?? '')
      if (program.endsWith('mv')) disk.remove(source)
      return ''
    }
    case 'mkdir':
    case 'true':
      return ''
    default:
      return `bash: ${program}: command not found\n`
  }
}

const gone = '\0'

function removed(disk: Disk, pattern: string): string {
  const found = disk.find(pattern).filter((path) => disk.remove(path))
  return found.length > 0 ? gone : ''
}

function listed(disk: Disk, path: string): string {
  const exact = disk.find(path)
  const names = exact.length > 0 ? exact : disk.within(path)
  return names.map((name) => `${name}\n`).join('')
}
