// npm run check: everything that can be said about the code without running it.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { forbiddenImports } from './imports.ts'
import { missingPaths } from './paths.ts'
import { brokenRules } from './rules.ts'
import { readSources, root, sourceFolders } from './sources.ts'

interface Check {
  readonly name: string
  /** resolves to what is wrong: nothing when empty */
  readonly run: () => Promise<string> | string
}

const bin = (name: string) => join(root, 'node_modules', '.bin', name)
const folders = [...sourceFolders, 'bin'].filter((folder) => existsSync(join(root, folder)))
const sources = readSources()

const checks: readonly Check[] = [
  { name: 'types', run: () => complaints(bin('tsc'), []) },
  { name: 'lint', run: () => complaints(bin('oxlint'), ['--type-aware', '--deny-warnings', ...folders]) },
  { name: 'format', run: () => complaints(bin('prettier'), ['--check', '--log-level', 'warn', '.']) },
  { name: 'generated documents', run: () => complaints(process.execPath, ['scripts/docs.ts', '--check']) },
  { name: 'import directions', run: () => forbiddenImports(sources).join('\n') },
  { name: 'own rules', run: () => brokenRules(sources).join('\n') },
  { name: 'paths in documents', run: () => missingPaths().join('\n') }
]

/** Output of a program that failed; nothing when it succeeded. */
function complaints(program: string, args: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.on('error', reject)
  child.on('close', (code) => resolve(code === 0 ? '' : output.trim() || `${program} ended with ${code}`))
  return promise
}

async function report({ name, run }: Check): Promise<boolean> {
  const start = performance.now()
  const wrong = await run()
  const took = `${((performance.now() - start) / 1000).toFixed(1)} s`
  const mark = wrong ? styleText('red', 'wrong') : styleText('green', 'ok   ')
  console.log(`${mark} ${name.padEnd(22)} ${styleText('dim', took)}`)
  if (wrong) console.log(wrong.replace(/^/gm, '      '))
  return wrong === ''
}

/** Files and functions over the sizes that we aim at: guides for the eye, never a failure. */
async function listSizes(): Promise<void> {
  const args = ['--config', 'scripts/sizes.oxlintrc.json', '--deny-warnings', '--format', 'unix', ...folders]
  const outliers = (await complaints(bin('oxlint'), args))
    .split('\n')
    .filter((line) => /^\S+:\d+:\d+:/.test(line))
  const title = outliers.length === 0 ? 'none' : `${outliers.length}, a split must follow meaning`
  console.log(`\nOver 400 lines a file or 60 a function: ${title}`)
  for (const line of outliers) console.log(`  ${line.replace(/:\d+: /, ': ').replace(/ \[Warning.*$/, '')}`)
}

const results = await Promise.all(checks.map(report))
await listSizes()
const wrong = results.filter((fine) => !fine).length
console.log(
  wrong === 0 ? '\nEverything is in order.' : `\n${wrong} of ${checks.length} checks found something.`
)
process.exitCode = wrong === 0 ? 0 : 1
