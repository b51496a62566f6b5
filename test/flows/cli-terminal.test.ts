import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createCertificate } from '../peers/certificates.ts'
import { startTls } from '../peers/tls.ts'
import { createBench, jsonLines } from './cli.ts'

const launcher = fileURLToPath(new URL('../../bin/tlsward.js', import.meta.url))
const bench = createBench()
const hostile = createCertificate({
  commonName: '=HYPERLINK("http://x")\u001b[31m\r\n\u202ered,"quoted"',
  names: ['hostile.test']
})
const peer = await startTls({ show: [hostile] })

t.teardown(async () => {
  bench.remove()
  await peer.close()
})

const scanWords = ['scan', `127.0.0.1:${peer.port}`]

t.test('what a server wrote cannot steer a terminal or a spreadsheet', async (t) => {
  const json = await bench.run([...scanWords, '--json'])
  t.equal(json.code, 0, json.stderr)
  const { certificates } = jsonLines(json.stdout)[0] as { certificates: { label: string }[] }
  t.equal(
    certificates[0]?.label,
    '=HYPERLINK("http://x")\u001b[31m\r\n\u202ered,"quoted"',
    'JSON has it as it was'
  )
  t.notMatch(json.stdout, /[\u001b\r]/, 'escaped as JSON does')

  for (const words of [
    ['inventory', '--details'],
    ['inventory', '--csv'],
    ['diff'],
    ['diff', '--csv'],
    scanWords
  ]) {
    const { stdout, code } = await bench.run(words)
    t.equal(code, 0)
    t.notMatch(stdout, /[\u001b\r\u202e]/, words.join(' '))
  }
  const show = await bench.run(['certificate', 'show', hostile.fingerprint])
  t.notMatch(show.stdout, /[\u001b\r\u202e]/)

  const csv = (await bench.run(['inventory', '--csv'])).stdout.trimEnd().split('\n')
  t.equal(csv.length, 2, 'a line end in a name makes no row')
  t.match(csv[1], /"'=HYPERLINK\(""http:\/\/x""\)\\x1b\[31m\\x0d\\x0a\\u\{202e\}red,""quoted"""/)
})

/** Runs the CLI on a terminal of its own. */
function onTerminal(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input = '',
  columns = 80
): string {
  const line = [`stty cols ${columns};`, process.execPath, launcher, ...words].join(' ')
  const ownEnv = { PATH: process.env['PATH'] ?? '', TLSWARD_STATE: bench.state, TERM: 'xterm-256color' }
  return spawnSync('script', ['-qec', line, '/dev/null'], {
    env: { ...ownEnv, ...env },
    input
  }).stdout.toString()
}

const hasTerminal = spawnSync('script', ['--version']).error === undefined
t.ok(hasTerminal || process.env['CI'] !== 'true', 'CI has script of util-linux')
const terminal = { skip: !hasTerminal && 'script of util-linux is not installed' }

t.test('colours are for terminals only, and only as long as nobody minds', terminal, (t) => {
  const shown = onTerminal(['inventory'])
  t.match(shown, /\u001b\[2mENDPOINT/)
  t.notMatch(onTerminal(['inventory'], { NO_COLOR: '1' }), /\u001b/)
  t.notMatch(onTerminal(['inventory', '--no-color']), /\u001b/)
  t.notMatch(onTerminal(['inventory', '--json']), /\u001b/)
  const widest = Math.max(...stripped(shown).map((line) => line.length))
  t.ok(widest <= 80, `the table fits into the terminal: ${widest} columns`)
  t.end()
})

t.test('progress stays on one line of the terminal and leaves nothing behind', terminal, (t) => {
  const shown = onTerminal(['scan', '127.0.0.1', '-p', '1-20', '--rate', '20', '--retries', '0'])
  t.match(shown, /\d+ of 20 \(\d+ %\) · \d+\/s · 0 found/)
  t.match(shown, /\r\u001b\[K[^\n]*Scan \d+: 0 endpoints among 20 pairs/, 'the last one is taken away')
  t.end()
})

t.test('a line that stays in place is never wider than the terminal', terminal, (t) => {
  const words = ['scan', '127.0.0.1', '-p', '1-20', '--rate', '20', '--retries', '0']
  const shown = onTerminal(words, {}, '', 24)
  const lines = [...shown.matchAll(/\r\u001b\[K([^\r\n]*)/g)].map(([, line = '']) => stripped(line).join(''))
  t.ok(lines.length > 3, 'it was drawn more than once')
  t.ok(
    lines.some((line) => line.endsWith('…')),
    'and cut'
  )
  t.same(
    lines.filter((line) => line.includes(' of 20') && line.length > 23),
    []
  )
  t.end()
})

t.test('a terminal that knows no escapes gets none', terminal, (t) => {
  const shown = onTerminal(['scan', '127.0.0.1', '-p', '1-20', '--rate', '20', '--retries', '0'], {
    TERM: 'dumb'
  })
  t.match(shown, /Scan \d+: 0 endpoints among 20 pairs/)
  t.notMatch(shown, /\u001b/)
  t.notMatch(onTerminal(['inventory'], { TERM: 'dumb' }), /\u001b/)
  t.end()
})

/** Runs the CLI on a terminal, and says `text` to it once it asks. */
async function answered(
  words: readonly string[],
  text: string
): Promise<{ readonly shown: string; readonly code: number | null }> {
  const env = { PATH: process.env['PATH'] ?? '', TLSWARD_STATE: bench.state, TERM: 'xterm-256color' }
  const line = [process.execPath, launcher, ...words].join(' ')
  const child = spawn('script', ['-qec', line, '/dev/null'], { env })
  let shown = ''
  child.stdout.on('data', (bytes: Buffer) => {
    const asked = shown.includes('[y/N] ')
    shown += bytes.toString()
    if (!asked && shown.includes('[y/N] ')) child.stdin.write(text)
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { shown, code }
}

t.test('a scan over the limit is asked about on a terminal, and no is no', terminal, async (t) => {
  const words = ['scan', `127.0.0.1:${peer.port}`, '127.0.0.1:1', '--max-targets', '1']
  const no = await answered(words, 'n\r')
  t.match(no.shown, /2 ports: 2 pairs, [^]*That is more than 1\. Scan them all\? \[y\/N\]/)
  t.match(no.shown, /tlsward: Nothing was scanned\. \[confirmation-needed\]/)
  t.equal(no.code, 2)
  const end = await answered(words, '\u0004')
  t.match(end.shown, /Nothing was scanned\. \[confirmation-needed\]/, 'so is Ctrl-D')
  t.equal(end.code, 2)
  const stop = await answered(words, '\u0003')
  t.match(stop.shown, /\r\nNothing was scanned\.\r\n/, 'Ctrl-C stops')
  t.equal(stop.code, 130)
  const yes = await answered(words, 'y\r')
  t.match(yes.shown, /Scan \d+: \d+ endpoints? among 2 pairs/, 'yes is yes')
  t.equal(yes.code, 0)
})

function stripped(text: string): string[] {
  return text.replaceAll(/\u001b\[[\d;]*[A-Za-z]/g, '').split(/\r?\n/)
}

t.test('a shell completes commands, options and values', (t) => {
  const script = spawnSync(process.execPath, [launcher, 'completion', 'bash']).stdout.toString()
  const file = join(bench.state, 'completion.bash')
  writeFileSync(file, script)
  const complete = (line: string) => {
    const words = line.split(' ')
    const array = words.map((word) => `'${word}'`).join(' ')
    const code = `source ${file}; COMP_WORDS=(${array}); COMP_CWORD=${words.length - 1}; _tlsward; printf '%s\\n' "\${COMPREPLY[@]}"`
    return spawnSync('bash', ['--norc', '-c', code]).stdout.toString().trimEnd().split('\n')
  }
  t.same(complete('tlsward in'), ['inventory'])
  t.same(complete('tlsward inventory ow'), ['owner'])
  t.same(complete('tlsward scan --star'), ['--starttls'])
  t.same(complete('tlsward scan --starttls po'), ['pop3', 'postgres'])
  t.same(complete('tlsward scan --starttls = po'), ['pop3', 'postgres'], 'as bash cuts --starttls=po')
  t.same(complete('tlsward scan --fail-on ='), ['critical', 'warning'])
  t.same(complete('tlsward scan 10.0.0.1 --from t'), ['tlsx', 'tlsward'])
  t.same(complete('tlsward scan -p m'), ['mail'])
  t.same(complete('tlsward inventory --finding expires-'), ['expires-soon'])
  t.same(complete('tlsward completion z'), ['zsh'])
  t.same(complete('tlsward scans re'), ['resume', 'remove'])
  t.same(complete('tlsward scans --js'), ['--json'], 'scans alone lists')
  t.same(complete('tlsward cert show --p'), ['--pem'], 'by the short name of a command too')
  t.same(complete('tlsward scan --list '), [''], 'files are left to the shell')
  t.end()
})

t.test('the version is there before anybody waits for it', async (t) => {
  const took: number[] = []
  for (let run = 0; run < 5; run++) {
    const start = performance.now()
    const { stdout } = await bench.run(['--version'])
    took.push(performance.now() - start)
    t.match(stdout, /^\d+\.\d+\.\d+\n$/)
  }
  // several times what it takes, since other tests run beside this one
  t.ok(Math.min(...took) < 1_000, `${Math.round(Math.min(...took))} ms`)
})
