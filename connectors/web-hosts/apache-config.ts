import { posix } from 'node:path'
import type { ConfigFiles } from './config-files.ts'

/** One directive of Apache httpd; a section has a block. */
export interface ApacheDirective {
  /** lower case: directives are not case-sensitive */
  readonly name: string
  readonly args: readonly string[]
  readonly file: string
  readonly line: number
  readonly block: readonly ApacheDirective[] | null
}

/** What conditions of a configuration are decided by. */
export interface ApacheWorld {
  /** module names as `ssl_module` and `mod_ssl.c` */
  readonly modules: Set<string>
  readonly defines: Map<string, string>
  root: string
}

/** The directives of a text as they stand, sections in sections. */
export function parseApache(text: string, file: string): ApacheDirective[] {
  const lines: { text: string; line: number }[] = []
  let open: { text: string; line: number } | undefined
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    const joined: { text: string; line: number } = {
      text: (open?.text ?? '') + raw,
      line: open?.line ?? at + 1
    }
    open = undefined
    if (joined.text.endsWith('\\')) open = { ...joined, text: joined.text.slice(0, -1) }
    else lines.push(joined)
  }
  if (open) lines.push(open)
  const stack: { name: string; directive: Omit<ApacheDirective, 'block'>; block: ApacheDirective[] }[] = []
  const top: ApacheDirective[] = []
  const into = () => stack.at(-1)?.block ?? top
  for (const { text, line } of lines) {
    const plain = text.trim()
    if (plain === '' || plain.startsWith('#')) continue
    const [, closing] = /^<\/\s*([\w:]+)\s*>/.exec(plain) ?? []
    if (closing !== undefined) {
      const done = stack.pop()
      if (done) into().push({ ...done.directive, block: done.block })
      continue
    }
    const [, opening, inside = ''] = /^<\s*([\w:]+)\s*(.*?)>?\s*$/.exec(plain) ?? []
    const [name = '', ...args] = opening === undefined ? wordsOf(plain) : [opening, ...wordsOf(inside)]
    const directive = { name: name.toLowerCase(), args, file, line }
    if (opening === undefined) into().push({ ...directive, block: null })
    else stack.push({ name, directive, block: [] })
  }
  while (stack.length > 0) {
    const done = stack.pop()
    if (done) into().push({ ...done.directive, block: done.block })
  }
  return top
}

/** words parted by white space; quotes hold words together, and \ escapes a quote in them */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|(\S+)/g)].map(
    ([, double, single, bare]) => bare ?? (double ?? single ?? '').replace(/\\(["'\\])/g, '$1')
  )
}

const maxDepth = 20

/**
 * A configuration as httpd runs it: includes in their place, variables put in, sections on conditions
 * (`IfModule`, `IfDefine`, `IfFile`, `IfVersion`) replaced by what stands in them where they hold.
 */
export async function readApacheConfig(
  configs: ConfigFiles,
  main: string,
  world: ApacheWorld
): Promise<ApacheDirective[]> {
  const text = await configs.read(main)
  return text === undefined ? [] : new Expansion(configs, world).expand(parseApache(text, main), 0)
}

class Expansion {
  readonly #configs: ConfigFiles
  readonly #world: ApacheWorld

  constructor(configs: ConfigFiles, world: ApacheWorld) {
    this.#configs = configs
    this.#world = world
  }

  async expand(directives: readonly ApacheDirective[], depth: number): Promise<ApacheDirective[]> {
    const expanded: ApacheDirective[] = []
    for (const directive of directives) {
      const { name, block } = directive
      const args = directive.args.map((arg) => this.#fill(arg))
      if (name === 'macro') continue
      if (block && name.startsWith('if') && name !== 'if') {
        if (await this.#holds(name, args)) expanded.push(...(await this.expand(block, depth)))
      } else if (block) {
        expanded.push({ ...directive, args, block: await this.expand(block, depth) })
      } else if ((name === 'include' || name === 'includeoptional') && depth < maxDepth) {
        expanded.push(...(await this.#include(posix.resolve(this.#world.root, args[0] ?? ''), depth)))
      } else {
        this.#learn(name, args)
        expanded.push({ ...directive, args })
      }
    }
    return expanded
  }

  #fill(text: string): string {
    return text.replace(/\$\{(\w+)\}/g, (whole, name: string) => this.#world.defines.get(name) ?? whole)
  }

  async #holds(name: string, [test = '']: readonly string[]): Promise<boolean> {
    const isNot = test.startsWith('!')
    const word = test.replace(/^!/, '')
    if (name === 'ifmodule') return this.#world.modules.has(word) !== isNot
    if (name === 'ifdefine') return this.#world.defines.has(word) !== isNot
    const file = posix.resolve(this.#world.root, word)
    if (name === 'iffile') return ((await this.#configs.files.realPath(file)) !== undefined) !== isNot
    return true
  }

  #learn(name: string, [first = '', second = '']: readonly string[]): void {
    const { defines, modules } = this.#world
    if (name === 'define') defines.set(first, second)
    if (name === 'undefine') defines.delete(first)
    if (name === 'serverroot') this.#world.root = first
    if (name === 'loadmodule') modules.add(first).add(`${posix.basename(second, '.so')}.c`)
  }

  /** a directory stands for all files in it */
  async #include(pattern: string, depth: number): Promise<ApacheDirective[]> {
    const expanded: ApacheDirective[] = []
    for (const path of await this.#configs.expand(pattern)) {
      const isDirectory = await this.#configs.isDirectory(path)
      for (const one of isDirectory ? await this.#configs.expand(`${path}/*`) : [path]) {
        const text = (await this.#configs.isDirectory(one)) ? undefined : await this.#configs.read(one)
        if (text !== undefined) expanded.push(...(await this.expand(parseApache(text, one), depth + 1)))
      }
    }
    return expanded
  }
}
