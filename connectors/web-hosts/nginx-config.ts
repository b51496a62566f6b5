import { posix } from 'node:path'
import type { ConfigFiles } from './config-files.ts'

/** One directive of nginx, with its place. */
export interface Directive {
  readonly name: string
  readonly args: readonly string[]
  readonly file: string
  readonly line: number
  /** what stands in its braces; null: it ended with a semicolon */
  readonly block: readonly Directive[] | null
}

interface Token {
  readonly text: string
  /** `{`, `}` or `;`, not a word that looks like it */
  readonly isMark: boolean
  readonly line: number
}

/** Words, quoted or not, and the marks `{ } ;`. A `#` begins a comment only where a word could begin. */
export function tokenise(text: string): Token[] {
  const tokens: Token[] = []
  // whitespace | comment | mark | "…" or '…' with escapes | a word, in which \ escapes and ${…} is whole
  const pattern =
    /(\s+)|(#[^\n]*)|([{};])|("(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*')|((?:\\[\s\S]|\$\{[^}]*\}|[^\s{};\\])+)|([\s\S])/g
  let line = 1
  for (const [whole, space, comment, mark, quoted] of text.matchAll(pattern)) {
    if (space === undefined && comment === undefined) {
      const text = quoted === undefined ? whole : quoted.slice(1, -1)
      tokens.push({ text: mark ?? text.replace(/\\(["'\\])/g, '$1'), isMark: mark !== undefined, line })
    }
    line += whole.split('\n').length - 1
  }
  return tokens
}

/** The directives of one file, blocks in blocks; includes stand as they are. Unclosed blocks end with the file. */
export function parseNginx(text: string, file: string): Directive[] {
  const tokens = tokenise(text)
  let at = 0
  const level = (): Directive[] => {
    const directives: Directive[] = []
    let words: Token[] = []
    for (; at < tokens.length; at++) {
      const token = tokens[at] as Token
      if (!token.isMark) {
        words.push(token)
        continue
      }
      if (token.text === '}') return directives
      let block: Directive[] | null = null
      if (token.text === '{') {
        at++
        block = level()
      }
      const [first, ...rest] = words
      if (first) {
        const args = rest.map(({ text }) => text)
        directives.push({ name: first.text, args, file, line: first.line, block })
      }
      words = []
    }
    return directives
  }
  const directives: Directive[] = []
  while (at < tokens.length) {
    directives.push(...level())
    at++
  }
  return directives
}

/** how deep includes may stand in each other */
const maxDepth = 20

/** A configuration with every include in its place. Patterns are relative to the directory of the main file. */
export async function readNginxConfig(configs: ConfigFiles, main: string): Promise<Directive[]> {
  const root = posix.dirname(main)
  const expand = async (directives: readonly Directive[], depth: number): Promise<Directive[]> => {
    const expanded: Directive[] = []
    for (const directive of directives) {
      if (directive.block) {
        expanded.push({ ...directive, block: await expand(directive.block, depth) })
      } else if (directive.name === 'include' && depth < maxDepth) {
        const paths = await configs.expand(posix.resolve(root, directive.args[0] ?? ''))
        for (const path of paths) {
          const text = await configs.read(path)
          if (text !== undefined) expanded.push(...(await expand(parseNginx(text, path), depth + 1)))
        }
      } else expanded.push(directive)
    }
    return expanded
  }
  const text = await configs.read(main)
  return text === undefined ? [] : expand(parseNginx(text, main), 0)
}
