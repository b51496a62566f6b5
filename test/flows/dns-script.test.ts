import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../core/clock.ts'
import { type DnsScript, dnsScriptSolver } from '../../sensor/issuance/solvers/script.ts'
import { type Challenge, dnsRecordOf } from '../../sensor/issuance/solvers/solver.ts'

const { signal } = new AbortController()
const one: Challenge = {
  type: 'dns-01',
  name: 'a.example.org',
  token: 'token',
  keyAuthorization: 'token.thumb'
}

function script(t: Test, body: string, mode = 0o755): { program: string; file: (name: string) => string } {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-script-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const program = join(folder, 'hook with spaces; $(id)')
  writeFileSync(program, `#!/bin/sh\nhere=$(dirname "$0")\n${body}\n`)
  chmodSync(program, mode)
  return { program, file: (name) => join(folder, name) }
}

function solver(program: string, more: Partial<DnsScript> = {}) {
  return dnsScriptSolver({ program, timeoutMs: 20_000, settleMs: 0, ...more }, systemClock)
}

t.test(
  'the script is called with action, name and value, without a shell and with a clean environment',
  async (t) => {
    const { program, file } = script(
      t,
      'printf "%s\\n" "$@" >> "$here/args"; env -0 > "$here/env"; pwd > "$here/cwd"; cat >> "$here/env"'
    )
    process.env['TLSWARD_SECRET'] = 'geheim'
    t.teardown(() => delete process.env['TLSWARD_SECRET'])
    const odd = { ...one, name: '$(touch owned).example.org' }
    const { value } = dnsRecordOf(one)
    const answering = solver(program, { settleMs: 5000 })
    const { visibleAt } = await answering.present(one, signal)
    t.ok(visibleAt > Date.now())
    await answering.cleanup(one, signal)
    await answering.present(odd, signal)
    t.same(readFileSync(file('args'), 'utf8').trim().split('\n'), [
      'present',
      '_acme-challenge.a.example.org.',
      value,
      'cleanup',
      '_acme-challenge.a.example.org.',
      value,
      'present',
      '_acme-challenge.$(touch owned).example.org.',
      value
    ])
    const names = readFileSync(file('env'), 'utf8')
      .split('\0')
      .slice(0, -1)
      .map((line) => line.split('=')[0] ?? '')
    // PWD and the like are the shell's own; the runner of the tests gives its own to every child
    const own = /^(PWD|SHLVL|_|OLDPWD|NODE_OPTIONS|_TAPJS_.*)$/
    const given = names.filter((name) => !own.test(name))
    t.same(new Set(given), new Set(['LANG', 'PATH']))
    t.equal(readFileSync(file('cwd'), 'utf8').trim(), '/')
  }
)

t.test('a script that fails is told with what it wrote', async (t) => {
  const { program } = script(t, 'printf "\\033[31mred"; echo "zone is locked" >&2; exit 3')
  await t.rejects(solver(program).present(one, signal), {
    code: 'script-failed',
    message: /exit code 3.*zone is locked[\s\S]*\\x1b\[31mred/
  })
  const loud = script(t, 'yes | head -c 5000000; exit 1')
  const said = await solver(loud.program)
    .cleanup(one, signal)
    .then(
      () => '',
      (error: Error) => error.message
    )
  t.ok(said.length > 900 && said.length < 12_000, 'what it writes is bounded')
  const killed = script(t, 'kill -9 $$')
  await t.rejects(solver(killed.program).present(one, signal), { message: /SIGKILL/ })
})

t.test('a script that hangs is ended with everything it has started', async (t) => {
  const { program, file } = script(
    t,
    'sleep 300 & echo $! > "$here/pid.tmp"; mv "$here/pid.tmp" "$here/pid"; wait'
  )
  await t.rejects(solver(program, { timeoutMs: 500 }).present(one, signal), {
    code: 'script-failed',
    message: /longer than 500 ms/
  })
  const isGone = () => {
    try {
      process.kill(Number(readFileSync(file('pid'), 'utf8')), 0)
      return false
    } catch {
      return true
    }
  }
  while (!isGone()) await new Promise((resolve) => setImmediate(resolve))
  t.pass('its child is gone too')
  const stop = new AbortController()
  const waiting = solver(script(t, 'sleep 300').program).present(one, stop.signal)
  stop.abort()
  await t.rejects(waiting, { message: /was stopped/ })
})

t.test('what is no program of ours to run is refused', async (t) => {
  const cases: readonly (readonly [program: string, message: RegExp])[] = [
    ['hook.sh', /no absolute path/],
    ['/nowhere/hook', /is no file/],
    [tmpdir(), /is no file/],
    [script(t, '', 0o644).program, /may not be executed/],
    [script(t, '', 0o757).program, /written by everybody/]
  ]
  for (const [program, message] of cases) {
    await t.rejects(solver(program).present(one, signal), { code: 'script-unfit', message })
  }
  const { program, file } = script(t, 'touch "$here/ran"')
  writeFileSync(program, '#!/nowhere/sh\n')
  await t.rejects(solver(program).present(one, signal), { code: 'script-failed', message: /ENOENT/ })
  t.notOk(existsSync(file('ran')))
  const http = { ...one, type: 'http-01' as const }
  await t.rejects(solver(program).present(http, signal), { code: 'challenge-unfit' })
})
