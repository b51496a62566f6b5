/** One line of HAProxy's configuration. */
export interface Line {
  readonly words: readonly string[]
  readonly file: string
  readonly line: number
}

/** A section with its lines: `frontend www`, `global`, `crt-store web`. */
export interface Section {
  readonly kind: string
  readonly name: string
  readonly file: string
  readonly line: number
  readonly lines: readonly Line[]
}

const sectionWords = new Set([
  'global',
  'defaults',
  'frontend',
  'backend',
  'listen',
  'peers',
  'resolvers',
  'mailers',
  'userlist',
  'program',
  'cache',
  'http-errors',
  'ring',
  'log-forward',
  'log-profile',
  'fcgi-app',
  'crt-store',
  'traces',
  'acme'
])

/**
 * The words of one line (HAProxy manual, 2.2 Quoting and escaping): `\` escapes outside quotes and in "…", nothing in
 * '…'; # begins a comment; "${NAME}" is a variable of the environment of the process, which we cannot see.
 */
export function wordsOf(line: string): string[] {
  const words: string[] = []
  const pattern = /(\s+)|(#.*)|((?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\#])+)|(.)/g
  for (const [, , comment, word] of line.matchAll(pattern)) {
    if (comment !== undefined) break
    if (word === undefined) continue
    words.push(
      word.replace(
        /"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g,
        (_whole, double?: string, single?: string, escaped?: string) =>
          double === undefined ? (single ?? escaped ?? '') : double.replace(/\\(.)/g, '$1')
      )
    )
  }
  return words
}

/** The sections of the files of one process, in the order in which it reads them. */
export function parseHaproxy(files: readonly { readonly path: string; readonly text: string }[]): Section[] {
  const sections: { kind: string; name: string; file: string; line: number; lines: Line[] }[] = []
  for (const { path, text } of files) {
    for (const [at, line] of text.split(/\r?\n/).entries()) {
      const words = wordsOf(line)
      const [kind = '', name = ''] = words
      if (words.length === 0) continue
      if (sectionWords.has(kind)) sections.push({ kind, name, file: path, line: at + 1, lines: [] })
      else sections.at(-1)?.lines.push({ words, file: path, line: at + 1 })
    }
  }
  return sections
}

/** The word behind `option`, each time it stands in a line. */
export function valuesOf(words: readonly string[], option: string): string[] {
  return words.flatMap((word, at) => (word === option ? (words[at + 1] ?? []) : []))
}

/** Addresses of a bind line: `*:443`, `:443,[::]:443`, `10.0.0.5:8443-8445`; those that are no TCP are left out. */
export function bindAddresses(text: string): { address: string; port: number }[] {
  return text.split(',').flatMap((one) => {
    const plain = one.replace(/^(ipv4|ipv6|tcp4?|tcp6)@/, '')
    if (/^[\w-]+@|^\//.test(plain)) return []
    const [, host = '', first = '', last] = /^(.*):(\d+)(?:-(\d+))?$/.exec(plain) ?? []
    if (first === '') return []
    const bare = host.replace(/^\[(.*)\]$/, '$1')
    const address = bare === '' || bare === '*' || bare === '0.0.0.0' ? '*' : bare === '::' ? '[::]' : bare
    const count = Math.min(Number(last ?? first) - Number(first) + 1, 64)
    return Array.from({ length: Math.max(count, 0) }, (_, at) => ({ address, port: Number(first) + at }))
  })
}

/** A line of a crt-list: `file [options] sni… !not`. */
export function crtListEntries(text: string): { file: string; names: string[]; line: number }[] {
  return text.split(/\r?\n/).flatMap((raw, at) => {
    const plain = raw.trim()
    if (plain === '' || plain.startsWith('#')) return []
    const [, file = '', , filters = ''] = /^(\S+)(\s+\[[^\]]*\])?(.*)$/.exec(plain) ?? []
    const names = filters.split(/\s+/).filter((name) => name !== '' && !name.startsWith('!'))
    return [{ file, names, line: at + 1 }]
  })
}
