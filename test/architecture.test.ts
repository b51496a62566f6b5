import { spawnSync } from 'node:child_process'
import t from 'tap'
import { forbiddenImports, readImports } from '../scripts/imports.ts'
import { missingPaths } from '../scripts/paths.ts'
import { brokenRules } from '../scripts/rules.ts'
import { readSources, root } from '../scripts/sources.ts'

const sources = readSources()

t.test('every import goes in a direction that the table allows', (t) => {
  t.ok(sources.length > 10, 'the sources are read')
  t.same(forbiddenImports(sources), [])
  t.end()
})

t.test('no source breaks the own rules', (t) => {
  t.same(brokenRules(sources), [])
  t.end()
})

t.test('every path that the documents name is there', (t) => {
  t.same(missingPaths(), [])
  t.end()
})

t.test('the generated parts of the documents are what the code says', (t) => {
  const { status, stdout } = spawnSync(process.execPath, ['scripts/docs.ts', '--check'], { cwd: root })
  t.equal(status, 0, stdout.toString())
  t.end()
})

t.test('the reader sees every way to import', (t) => {
  const text = [
    "import { a } from '../core/fault.ts'",
    "import type { B } from './b.ts'",
    "import { type C, type D } from './c.ts'",
    "export { e } from './e.ts'",
    "import 'reflect-metadata'",
    '// import { f } from "./comment.ts"',
    "const g = await import('./g.ts')",
    "const h = new URL('./h.ts', import.meta.url)",
    'import {',
    '  i,',
    '  type J',
    "} from '../core/text.ts'"
  ].join('\n')
  const seen = readImports({ path: 'pki/x.ts', text }).map((one) => [one.line, one.target, one.typeOnly])
  t.same(seen, [
    [1, 'core/fault.ts', false],
    [2, 'pki/b.ts', true],
    [3, 'pki/c.ts', true],
    [4, 'pki/e.ts', false],
    [9, 'core/text.ts', false],
    [5, 'reflect-metadata', false],
    [7, 'pki/g.ts', false],
    [8, 'pki/h.ts', false]
  ])
  t.end()
})

t.test('a forbidden import is noticed', (t) => {
  const cases: readonly (readonly [path: string, line: string])[] = [
    ['core/x.ts', "import { fields } from '../pki/fields.ts'"],
    ['core/x.ts', "import { readFileSync } from 'node:fs'"],
    ['pki/x.ts', "import { connect } from 'node:net'"],
    ['pki/x.ts', "import type { Pair } from '../sensor/scan/space.ts'"],
    ['sensor/scan/x.ts', "import { openStore } from '../store/database.ts'"],
    ['sensor/scan/x.ts', "import type { Row } from '../store/database.ts'"],
    ['sensor/store/x.ts', "import { outcomes } from '../scan/observation.ts'"],
    ['sensor/inventory/x.ts', "import { openStore } from '../store/database.ts'"],
    ['sensor/inventory/x.ts', "import Database from 'better-sqlite3'"],
    ['appliance/x.ts', "import Database from 'better-sqlite3'"],
    ['appliance/x.ts', "import { main } from './cli/main.ts'"],
    ['appliance/x.ts', "import { certificate } from '../test/peers/certificates.ts'"],
    ['unknown/x.ts', "import { Fault } from '../core/fault.ts'"]
  ]
  for (const [path, text] of cases) t.equal(forbiddenImports([{ path, text }]).length, 1, `${path}: ${text}`)
  t.same(
    forbiddenImports([
      { path: 'sensor/inventory/x.ts', text: "import type { Row } from '../store/database.ts'" },
      { path: 'test/unit/x.test.ts', text: "import Database from 'better-sqlite3'" }
    ]),
    []
  )
  t.end()
})

t.test('a broken rule is noticed, and a mention in a comment is not', (t) => {
  const cases: readonly (readonly [path: string, text: string])[] = [
    ['sensor/x.ts', 'const now = Date.now()'],
    ['sensor/x.ts', 'const now = new Date()'],
    ['sensor/x.ts', 'setTimeout(() => {}, 5)'],
    ['sensor/x.ts', 'const n = Math.random()'],
    ['appliance/x.ts', 'send(token.reveal())'],
    ['appliance/x.ts', "console.log('hello')"],
    ['core/x.ts', '// TODO later'],
    ['sensor/x.ts', 'log.info(`scan ${id}`)']
  ]
  for (const [path, text] of cases) t.equal(brokenRules([{ path, text }]).length, 1, text)
  t.same(
    brokenRules([
      { path: 'sensor/x.ts', text: '// never Date.now() here\nconst day = new Date(ms)' },
      { path: 'test/x.ts', text: 'setTimeout(() => {}, 5)' },
      { path: 'core/clock.ts', text: 'now: () => Date.now()' }
    ]),
    []
  )
  t.end()
})
