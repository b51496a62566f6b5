import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { automationHost, quick } from './automation-host.ts'
import { jsonLines } from './cli.ts'

const launcher = fileURLToPath(new URL('../../bin/tlsward.js', import.meta.url))
const hasTerminal = spawnSync('script', ['--version']).error === undefined
t.ok(hasTerminal || process.env['CI'] !== 'true', 'CI has script of util-linux')
const terminal = { skip: !hasTerminal && 'script of util-linux is not installed' }

interface Typed {
  readonly env: Readonly<Record<string, string | undefined>>
  /** what is typed, once the text stands on the terminal */
  readonly at: readonly (readonly [seen: string, typed: string])[]
}

/** Runs the CLI on a terminal of 80 columns, with somebody at the keys; gives what stood on it, and the exit code. */
async function onTerminal(words: readonly string[], { env, at }: Typed) {
  const line = [
    'stty cols 80 rows 24;',
    process.execPath,
    launcher,
    ...words.map((word) => `'${word}'`)
  ].join(' ')
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    env: { ...env, TERM: 'xterm-256color' },
    stdio: ['pipe', 'pipe', 'ignore']
  })
  let shown = ''
  const left = [...at]
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString()
    const [next] = left
    if (!next || !shown.includes(next[0])) return
    left.shift()
    child.stdin.write(next[1])
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { shown, code }
}

t.test(
  'on a terminal the plan is shown, a yes is asked for, and a table follows the deployment',
  terminal,
  async (t) => {
    const host = await automationHost(t)
    const { run, records, target } = host
    t.equal((await run('issuer', 'add', 'ca', 'private-ca')).code, 0)
    t.equal((await run('profile', 'set', 'web', 'issuer=ca', ...quick)).code, 0)
    const replace = ['replace', target, '--profile', 'web']

    const no = await onTerminal(replace, { env: host.bench.env, at: [['Do this? [y/N]', 'n\n']] })
    t.equal(no.code, 2, no.shown)
    t.match(no.shown, /step 1 .*Move /)
    t.match(no.shown, /Nothing was bought, and nothing was written\./)
    t.equal(await host.served(), host.before.fingerprint)

    const stopped = await onTerminal(replace, { env: host.bench.env, at: [['Do this? [y/N]', '\u0003']] })
    t.equal(stopped.code, 130, stopped.shown)
    const events = await records(0, 'events')
    t.match(events, [{ state: 'cancelled' }, { state: 'cancelled' }], 'Ctrl-C takes it back as well')

    const yes = await onTerminal(replace, { env: host.bench.env, at: [['Do this? [y/N]', 'y\n']] })
    t.equal(yes.code, 0, yes.shown)
    // the table goes up by its lines and is drawn again
    t.match(yes.shown, /\u001b\[2A\u001b\[J/)
    t.match(yes.shown, /TARGET.*STATE/)
    t.match(yes.shown, /verifying/)
    t.match(yes.shown, /Event 3 is .*live.*: live at 1 target/)
    t.not(await host.served(), host.before.fingerprint)
  }
)

t.test('a name that would be lost is asked for by its name', terminal, async (t) => {
  const host = await automationHost(t)
  const { run, target } = host
  await run('issuer', 'add', 'ca', 'private-ca')
  const names = ['names.rule=exactly', 'names.names=shop.test']
  await run('profile', 'set', 'web', 'issuer=ca', ...quick, ...names)
  const question = 'Do this, and leave www.shop.test without a certificate? [y/N]'
  const replace = ['replace', target, '--profile', 'web']
  const no = await onTerminal(replace, { env: host.bench.env, at: [[question, 'n\n']] })
  t.equal(no.code, 2, no.shown)
  t.match(no.shown, /! www\.shop\.test/)
  const yes = await onTerminal(replace, { env: host.bench.env, at: [[question, 'y\n']] })
  t.equal(yes.code, 0, yes.shown)
  t.not(await host.served(), host.before.fingerprint)
})

t.test('a password that is typed stands nowhere', terminal, async (t) => {
  const host = await automationHost(t)
  const words = ['device', 'find', '127.0.0.1', '--snmp-version', '2c', '--port', '1']
  const { shown, code } = await onTerminal(words, {
    env: host.bench.env,
    at: [['Community', 'hush-hush\u007fh\n']]
  })
  t.equal(code, 0, shown)
  t.match(shown, /1 address asked, 0 agents answered/)
  t.notMatch(shown, /hush/)
  t.same(jsonLines((await host.run('events', '--json')).stdout), [])
})
