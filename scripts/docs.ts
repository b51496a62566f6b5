// npm run docs: writes the generated parts of the documents. With --check it writes nothing and fails on a
// difference, so that a table in a document can never say something else than the code.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pages } from './pages/index.ts'
import { root } from './sources.ts'

const checking = process.argv.includes('--check')

/** The document with the text between its marks for `part` replaced. */
function withPart(document: string, part: string, text: string): string {
  const start = `<!-- generated: ${part} -->`
  const end = `<!-- end: ${part} -->`
  const from = document.indexOf(start)
  const to = document.indexOf(end)
  if (from < 0 || to < from) throw new Error(`the marks "${start}" and "${end}" are missing`)
  return `${document.slice(0, from)}${start}\n\n${text.trim()}\n\n${document.slice(to)}`
}

let differ = 0
for (const { path, parts } of pages) {
  const file = join(root, path)
  const before = readFileSync(file, 'utf8')
  let after = before
  for (const [part, make] of Object.entries(parts)) after = withPart(after, part, make())
  if (after === before) continue
  differ++
  if (!checking) writeFileSync(file, after)
  console.log(checking ? `${path} is not what the code says: run "npm run docs"` : `${path} written`)
}
if (checking && differ > 0) process.exitCode = 1
