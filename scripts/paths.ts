import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { root } from './sources.ts'

const link = /\]\((?!https?:|mailto:|#)(?<path>[^)#\s]+)(?:#[^)]*)?\)/g
const code = /`(?<path>[\w.@-]+(?:\/[\w.@-]+)*\/?)`/g
const folder = /^(core|pki|acme|sensor|connectors|appliance|demo|bench|scripts|test|docs|bin|\.ci)\//

/**
 * Paths that a document names and that are not there: targets of links, and whatever in `code` begins with a
 * folder of the project. As `document: path`.
 */
export function missingPaths(): string[] {
  return documents().flatMap((document) => {
    const text = readFileSync(document, 'utf8')
    const linked = [...text.matchAll(link)].map((match) =>
      join(dirname(document), match.groups?.['path'] ?? '')
    )
    const named = [...text.matchAll(code)]
      .map((match) => match.groups?.['path'] ?? '')
      .filter((path) => folder.test(path))
      .map((path) => join(root, path))
    return [...linked, ...named]
      .filter((path) => !existsSync(path))
      .map((path) => `${relative(root, document)}: ${relative(root, path)} is not there`)
  })
}

function documents(): string[] {
  const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) =>
    join('docs', name)
  )
  return ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...pages]
    .map((name) => join(root, name))
    .filter((path) => path.endsWith('.md') && existsSync(path))
}
