import { readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project's folder. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** Folders that hold TypeScript of the project. */
export const sourceFolders = [
  'core',
  'pki',
  'acme',
  'connectors',
  'sensor',
  'appliance',
  'demo',
  'bench',
  'scripts',
  'test'
] as const

/** One source file: its path from the project's folder, and its text. */
export interface Source {
  readonly path: string
  readonly text: string
}

/** Every TypeScript file of the project, in order of path. */
export function readSources(): Source[] {
  return sourceFolders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => ({ path: relative(root, file), text: readFileSync(file, 'utf8') }))
  )
}

// a string or template is kept whole, so that a // inside it does not count as a comment
const tokens = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[^]*?\*\/|\/\/[^\n]*/g

/** The text with comments blanked; line numbers stay. */
export function withoutComments(text: string): string {
  return text.replace(tokens, (token) => (token.startsWith('/') ? token.replace(/[^\n]/g, ' ') : token))
}

/** The line number (from 1) of an offset in a text. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
