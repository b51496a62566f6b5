import { existsSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { automationHost, slowReload, ofType, type AutomationHost } from './automation-host.ts'
import type { Ran } from './cli.ts'

/** `tlsward run` on the state of a host, until the test is over. */
interface Running {
  /** records of its log so far */
  log(): Record<string, unknown>[]
  stop(signal: NodeJS.Signals): Promise<Ran>
}

async function startRunning(t: Test, { bench }: AutomationHost): Promise<Running> {
  let stderr = ''
  const started = bench.start(['run', '--log-level', 'debug'], {
    watch: ({ output }) => void (stderr = output.stderr)
  })
  let over = false
  void started.ended.then(() => (over = true))
  t.teardown(() => over || started.process.kill('SIGKILL'))
  await until(() => over || stderr.includes('Running on'), 'it says that it runs')
  t.notOk(over, stderr)
  return {
    log: () =>
      stderr
        .split('\n')
        .slice(0, -1)
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    stop(signal) {
      started.process.kill(signal)
      return started.ended
    }
  }
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`it never came: ${what}`)
    await pause(100)
  }
}

const quick = ['rollout.canary=none', 'rollout.soakMinutes=0']

t.test('an event starts by itself at its time, and commands hand their work over', async (t) => {
  const host = await automationHost(t)
  const { records, run, target, bench } = host
  const running = await startRunning(t, host)
  const socket = join(bench.state, 'tlsward.sock')
  t.equal(statSync(socket).mode & 0o777, 0o600, 'nobody else reaches the socket')

  await records(0, 'issuer', 'add', 'ca', 'private-ca')
  await records(0, 'profile', 'set', 'web', 'issuer=ca', ...quick)
  const at = new Date(Date.now() + 10_000).toISOString()
  const asked = await records(0, 'replace', target, '--profile', 'web', '--yes', '--at', at, '--no-wait')
  const event = ofType(asked, 'event').at(-1)
  t.match(event, { state: 'needs-approval', startAt: at })
  t.equal(await host.served(), host.before.fingerprint, 'nothing is changed before its time')

  await until(async () => (await host.served()) !== host.before.fingerprint, 'the new certificate is served')
  t.ok(Date.now() >= Date.parse(at), 'not before its time')
  await until(async () => (await records(0, 'events', '--limit', '1'))[0]?.['state'] === 'live', 'it is live')
  const [live] = await records(0, 'events', '--limit', '1')
  t.same(live?.['certificates'], [await host.served()])
  const states = running.log().filter((line) => line['msg'] === 'state')
  for (const state of ['issuing', 'deploying', 'live']) {
    t.ok(
      states.some((line) => line['state'] === state),
      `its log tells ${state}`
    )
  }

  await t.test('a second one is refused while it is up', async (t) => {
    const second = await run('run')
    t.equal(second.code, 6, second.stderr)
    t.match(
      second.stderr,
      /: tlsward run \(process \d+, since 20\S+Z\) replaces certificates .*\[engine-running\]/
    )
  })

  await t.test('another process may look, and begins nothing', async (t) => {
    t.match((await run('events')).stdout, /live +replace/)
    t.match((await run('why', target)).stdout, /not-managed/)
  })

  const ended = await running.stop('SIGTERM')
  t.equal(ended.code, 0, ended.stderr)
  t.match(ended.stderr, /appliance-stopped/)
  t.equal((await run('events')).code, 0, 'commands work without it')
})

t.test('a scheduled scan is made while it is up', async (t) => {
  const host = await automationHost(t)
  const { records, run } = host
  const port = host.program.sites[0]?.port ?? 0
  const running = await startRunning(t, host)
  const added = await run('scans', 'add', 'here', `127.0.0.1:${port}`, '--every', '1d')
  t.equal(added.code, 0, added.stderr)
  await until(() => running.log().some((line) => line['msg'] === 'scheduled-scan-ended'), 'the scan is over')
  t.match(await records(0, 'inventory'), [{ type: 'endpoint', port }])
  const scans = ofType(await records(0, 'scans'), 'scan')
  t.equal(scans.length, 1, 'once a day is not twice')
  t.equal((await running.stop('SIGINT')).code, 0, 'it was ended in order')
})

t.test('what was half-way when it was killed is gone on with at the next start', async (t) => {
  const host = await automationHost(t, { reload: slowReload })
  const { records, target, bench } = host
  await records(0, 'issuer', 'add', 'ca', 'private-ca')
  await records(0, 'profile', 'set', 'web', 'issuer=ca', ...quick)
  const first = await startRunning(t, host)
  await records(0, 'replace', target, '--profile', 'web', '--yes', '--no-wait')
  await until(
    () => first.log().some((line) => line['deployment'] !== undefined && line['state'] === 'deploying'),
    'the deployment has begun'
  )
  const killed = await first.stop('SIGKILL')
  t.equal(killed.signal, 'SIGKILL')
  t.ok(existsSync(join(bench.state, 'tlsward.sock')), 'the socket of the dead process lies there')

  await startRunning(t, host)
  await until(async () => (await records(0, 'events', '--limit', '1'))[0]?.['state'] === 'live', 'it is live')
  const [event] = await records(0, 'events', '--limit', '1')
  t.same(event?.['certificates'], [await host.served()], 'one certificate was issued, and it is served')
})

t.test('odd lines on its socket end no more than their own connection', async (t) => {
  const host = await automationHost(t)
  await startRunning(t, host)
  const socket = join(host.bench.state, 'tlsward.sock')
  const call = (name: string, ...args: unknown[]) => `${JSON.stringify({ id: 1, call: name, args })}\n`
  const faults: readonly (readonly [line: string, code: string])[] = [
    [call('nothing'), 'socket-malformed'],
    [call('__proto__'), 'socket-malformed'],
    [call('constructor'), 'socket-malformed'],
    [call('close'), 'socket-malformed'],
    [call('putProfile', 'p', { issuer: 'x', keyTypes: 5 }), 'profile-malformed'],
    [call('identifyDevice', { connector: 'web-hosts', settings: { address: 5 } }), 'settings-malformed'],
    [call('why', {}), 'socket-malformed'],
    [call('followEvent', 99, null, null), 'event-missing']
  ]
  for (const [line, code] of faults) {
    t.match(JSON.parse(await answerTo(socket, line)), { id: 1, fault: { code } }, line)
  }
  for (const line of ['garbage\n', '{}\n', '[]\n', 'x'.repeat(70_000_000)]) {
    t.equal(await answerTo(socket, line), '', `${line.slice(0, 20)}: the connection is ended`)
  }
  t.equal((await host.run('events')).code, 0, 'it works as before')
})

/** the first line that comes back, or '' when the connection is ended */
function answerTo(path: string, line: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const client = connect(path)
    client.on('error', () => {})
    client.on('close', () => resolve(text.trim()))
    client.on('data', (bytes) => {
      text += String(bytes)
      if (text.includes('\n')) client.end()
    })
    client.write(line)
  })
}
