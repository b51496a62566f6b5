import type { Command, Option } from 'commander'
import { findingCodes } from '../../sensor/inventory/findings/codes.ts'
import { namedPorts } from '../../sensor/scan/targets/ports.ts'

/** One command of the tree with all that can be completed after it. */
interface Node {
  /** names from below the program, `inventory tag`; empty for the program itself */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly summary: string }[]
  /** other names of the commands, by which their node is reached as well */
  readonly aliases: readonly (readonly [alias: string, name: string])[]
  /** what its arguments may be, where that is a list */
  readonly choices: readonly string[]
  readonly options: readonly Option[]
}

export type Shell = 'bash' | 'zsh' | 'fish'

/** The completion script of a shell for the whole tree: static, so a press of TAB starts no process. */
export function completionScript(program: Command, shell: Shell): string {
  const nodes = walk(program, [])
  if (shell === 'fish') return fishScript(nodes)
  return shell === 'zsh' ? zshScript(nodes) : bashScript(nodes)
}

function walk(command: Command, names: readonly string[]): Node[] {
  const help = command.createHelp()
  const children = help.visibleCommands(command).filter((child) => child.name() !== 'help')
  // where no further command is named, list is meant (scans: scans list), with its options
  const standIn = children.find((child) => child.name() === 'list')
  const node: Node = {
    path: names.join(' '),
    commands: children.map((child) => ({ name: child.name(), summary: help.subcommandDescription(child) })),
    aliases: children.flatMap((child) => child.aliases().map((alias) => [alias, child.name()] as const)),
    choices: command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices),
    options: [
      ...(standIn ? help.visibleOptions(standIn).filter(({ long }) => long !== '--help') : []),
      ...help.visibleOptions(command),
      ...help.visibleGlobalOptions(command)
    ]
  }
  return [node, ...children.flatMap((child) => walk(child, [...names, child.name()]))]
}

const flags = (option: Option) => [option.short, option.long].filter((flag) => flag !== undefined)
const takesValue = (option: Option) => option.required || option.optional

/** Values that are worth offering though others may be written. */
const suggested: Readonly<Record<string, readonly string[]>> = {
  '--ports': [...Object.keys(namedPorts), 'all'],
  '--finding': Object.keys(findingCodes)
}
const choicesOf = ({ long, argChoices }: Option) => argChoices ?? suggested[long ?? '']
const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** The lines of a shell `case` that follow the words typed so far down the tree. */
function descent(nodes: readonly Node[]): string {
  const steps = nodes.flatMap((node) => node.commands.map((command) => quote(`${node.path} ${command.name}`)))
  const aliases = nodes.flatMap((node) =>
    node.aliases.map(
      ([alias, name]) => `${quote(`${node.path} ${alias}`)}) place="\${place:+$place }${name}" ;;`
    )
  )
  const own = `${steps.join('|')}) place="\${place:+$place }$word" ;;`
  return `case "$place $word" in ${[own, ...aliases].join(' ')} esac`
}

/** `case` branches for the values of options: the choices, or the word that stands for file names. */
function valueBranches(
  nodes: readonly Node[],
  branch: (choices: readonly string[] | undefined) => string
): string[] {
  return nodes.flatMap((node) =>
    node.options.filter(takesValue).map(
      (option) =>
        `    ${flags(option)
          .map((flag) => quote(`${node.path}:${flag}`))
          .join('|')}) ${branch(choicesOf(option))}; return ;;`
    )
  )
}

function bashScript(nodes: readonly Node[]): string {
  const words = (node: Node) => [
    ...node.commands.map((command) => command.name),
    ...node.choices,
    ...node.options.flatMap(flags)
  ]
  return `# bash completion of tlsward: source <(tlsward completion bash)
_tlsward() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} place='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    ${descent(nodes)}
  done
  # bash takes the = of --option=value for a word of its own
  if [[ $cur == = ]]; then cur=''; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  COMPREPLY=()
  case "$place:$prev" in
${valueBranches(nodes, (choices) => (choices ? `COMPREPLY=($(compgen -W ${quote(choices.join(' '))} -- "$cur"))` : ':')).join('\n')}
  esac
  case "$place" in
${nodes.map((node) => `    ${quote(node.path)}) words=${quote(words(node).join(' '))} ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o bashdefault -o default -F _tlsward tlsward
`
}

function zshScript(nodes: readonly Node[]): string {
  const described = (name: string, text: string) => quote(`${name}:${text.replaceAll(':', '\\:')}`)
  const words = (node: Node) => [
    ...node.commands.map((command) => described(command.name, command.summary)),
    ...node.choices.map(quote),
    ...node.options.flatMap((option) => flags(option).map((flag) => described(flag, option.description)))
  ]
  return `#compdef tlsward
# zsh completion of tlsward: source <(tlsward completion zsh)
_tlsward() {
  local place='' word
  local -a entries
  for word in "\${(@)words[2,CURRENT-1]}"; do
    ${descent(nodes)}
  done
  case "$place:\${words[CURRENT-1]}" in
${valueBranches(nodes, (choices) => (choices ? `compadd -- ${choices.map(quote).join(' ')}` : '_files')).join('\n')}
  esac
  case "$place" in
${nodes.map((node) => `    ${quote(node.path)}) entries=(${words(node).join(' ')}) ;;`).join('\n')}
  esac
  _describe 'tlsward' entries || _files
}
compdef _tlsward tlsward
`
}

function fishScript(nodes: readonly Node[]): string {
  const lines = nodes.flatMap((node) => {
    const here = `-n ${quote(`test (__tlsward_place) = "${node.path}"`)}`
    const commands = node.commands.map(
      ({ name, summary }) => `complete -c tlsward -f ${here} -a ${name} -d ${quote(summary)}`
    )
    const options = node.options.map((option) => {
      const short = option.short ? ` -s ${option.short.slice(1)}` : ''
      const long = option.long ? ` -l ${option.long.slice(2)}` : ''
      const known = choicesOf(option)
      const choices = known ? ` -x -a ${quote(known.join(' '))}` : ''
      const value = takesValue(option) && !known ? ' -r' : ''
      return `complete -c tlsward ${here}${short}${long}${value}${choices} -d ${quote(option.description)}`
    })
    const values = node.choices.map((choice) => `complete -c tlsward -f ${here} -a ${choice}`)
    return [...commands, ...values, ...options]
  })
  const steps = nodes.flatMap((node) =>
    node.commands.map((command) => quote(`${node.path} ${command.name}`.trim()))
  )
  const aliases = nodes.flatMap((node) =>
    node.aliases.map(
      ([alias, name]) =>
        `    test (string join ' ' $place $word) = ${quote(`${node.path} ${alias}`.trim())}; and set -a place ${name}`
    )
  )
  return `# fish completion of tlsward: tlsward completion fish | source
function __tlsward_place
  set -l place
  for word in (commandline -opc)[2..-1]
    contains -- (string join ' ' $place $word) ${steps.join(' ')}; and set -a place $word
${aliases.join('\n')}
  end
  echo "$place"
end
${lines.join('\n')}
`
}
