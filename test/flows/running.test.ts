import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { automationHost, ofType, type AutomationHost } from './automation-host.ts'
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
    t.match(second.stderr, /\[socket-taken\]/)
  })

  await t.test('another process may look, and begins nothing', async (t) => {
    t.match((await run('events')).stdout, /live +replace/)
    t.match((await run('why', target)).stdout, /not-managed/)
  })

  const ended = await running.stop('SIGTERM')
  t.equal(ended.code, 143, ended.stderr)
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
  await running.stop('SIGINT')
})

t.test('what was half-way when it was killed is gone on with at the next start', async (t) => {
  const host = await automationHost(t, {
    // a slow program: the test has time to kill in the middle of a step
    reload(folder) {
      const script = join(folder, 'reload.sh')
      const lines = ['#!/bin/sh', 'sleep 3', `kill -HUP "$(cat ${folder}/server/server.pid)"`, '']
      writeFileSync(script, lines.join('\n'), { mode: 0o755 })
      return `reload=${script}`
    }
  })
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
