// Runs the tests with tap on the pinned Node and ends with the plain line "N passed, N failed, N skipped".
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `The tests need Node 24 (or at least 22.18); this is ${process.version}. Run them by "npm test".`
  )
  process.exit(2)
}

const tap = ['node_modules/tap/dist/esm/run.mjs']
const stampFile = 'node_modules/.tap-built'
const tapVersion = JSON.parse(readFileSync('node_modules/tap/package.json', 'utf8')).version
const stamp = readFileSync('.taprc', 'utf8') + tapVersion
const run = (args) => spawnSync(process.execPath, [...tap, ...args], { stdio: 'inherit' })

// tap compiles its plugin list once after installation; the stamp saves the four seconds afterwards
if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
  if (run(['build']).status !== 0) process.exit(1)
  writeFileSync(stampFile, stamp)
}

mkdirSync('.tap', { recursive: true })
const output = '.tap/out.tap'
const { status } = run([
  `--output-file=${output}`,
  '--allow-incomplete-coverage',
  '--disable-coverage',
  `--reporter=${process.stdout.isTTY ? 'terse' : 'silent'}`,
  ...process.argv.slice(2)
])

const totals = { pass: 0, fail: 0, skip: 0, todo: 0 }
const line = readFileSync(output, 'utf8')
  .split('\n')
  .findLast((text) => /^# \{ (total: .*) \}$/.test(text))
for (const [, name, count] of (line ?? '').matchAll(/(\w+): (\d+)/g)) totals[name] = Number(count)
// a crash can end the run without a failed assertion: it counts as one
if (status !== 0 && totals.fail === 0) totals.fail = 1
// tables that a test made for people to read
for (const [, text] of readFileSync(output, 'utf8').matchAll(
  /^ *# (?:table: )?((?<=table: ).*|contract .*)$/gm
))
  console.log(text)
for (const text of failures(readFileSync(output, 'utf8'))) console.log(text)
const failed = totals.fail > 0 || totals.pass === 0
console.log(`\n${totals.pass} passed, ${totals.fail} failed, ${totals.skip + totals.todo} skipped`)
process.exit(failed ? 1 : 0)

/** what failed, as the TAP output tells it: the line of each failed assertion and the lines that explain it */
function failures(tap) {
  const lines = tap.split('\n')
  const starts = lines.flatMap((line, at) =>
    /^ +not ok /.test(line) || line.startsWith('Bail out') ? [at] : []
  )
  return starts.slice(0, 20).map((at) => {
    const indent = /^ */.exec(lines[at])[0].length
    const length = lines.slice(at + 1).findIndex((line) => /^ *(not )?ok |^ *1\.\./.test(line))
    const file = lines.slice(0, at).findLast((line) => line.startsWith('# Subtest: ')) ?? ''
    const block = lines.slice(at, at + 1 + Math.min(length < 0 ? 40 : length, 40))
    return [file, ...block.map((line) => line.slice(Math.max(0, indent - 2)))].join('\n')
  })
}
