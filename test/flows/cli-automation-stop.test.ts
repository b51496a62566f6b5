import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startAppliance } from './appliance-world.ts'
import { automationHost, issuedFor, ofType, quick, type AutomationHost } from './automation-host.ts'
import type { Ran } from './cli.ts'

/** a signal that comes sooner after another one is taken for the same press, ms */
const pressMs = 300

/** a server that takes its time to read its files again, so that a signal meets a deployment half-way */
function slowly(folder: string): string {
  const script = join(folder, 'reload.sh')
  const lines = ['#!/bin/sh', 'sleep 2', `kill -HUP "$(cat ${folder}/server/server.pid)"`, '']
  writeFileSync(script, lines.join('\n'), { mode: 0o755 })
  return `reload=${script}`
}

async function ready(t: Test, more: readonly string[] = [], reload?: typeof slowly): Promise<AutomationHost> {
  const host = await automationHost(t, reload ? { reload } : {})
  t.equal((await host.run('issuer', 'add', 'ca', 'private-ca')).code, 0)
  t.equal((await host.run('profile', 'set', 'web', 'issuer=ca', ...quick, ...more)).code, 0)
  return host
}

interface Press {
  readonly seen: RegExp
  readonly signal: NodeJS.Signals
}

/** Runs the CLI and sends it signals, each once its text has been said. */
async function pressing({ bench }: AutomationHost, words: readonly string[], presses: readonly Press[]) {
  const left = [...presses]
  let last = -Infinity
  let isBusy = false
  const started = bench.start(words, {
    watch({ process, output }) {
      const [next] = left
      if (!next || isBusy || !next.seen.test(output.stderr)) return
      left.shift()
      isBusy = true
      void pause(Math.max(0, last + pressMs - performance.now())).then(() => {
        process.kill(next.signal)
        last = performance.now()
        isBusy = false
      })
    }
  })
  return started.ended
}

const replace = ({ target }: AutomationHost, ...more: string[]) => [
  'replace',
  target,
  '--profile',
  'web',
  '--yes',
  ...more
]
const event = async (host: AutomationHost) => (await host.records(0, 'events', '--limit', '1'))[0]
/** hours of every day that begin some hours from now, in UTC */
function laterToday(): string {
  const hour = (hours: number) => `${String((new Date().getUTCHours() + hours) % 24).padStart(2, '0')}:00`
  return `windows.hours=Mon-Sun ${hour(5)}-${hour(6)} UTC`
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`${signal} after the yes has the deployment finished, and says so`, async (t) => {
    const host = await ready(t, [], slowly)
    const ran = await pressing(host, replace(host), [{ seen: / step done: /, signal }])
    t.equal(ran.code, signal === 'SIGINT' ? 130 : 143, ran.stderr)
    t.match(ran.stderr, /Finishing: what is half-way .* Ctrl-C again leaves it as it is\./)
    t.match(await event(host), { deployments: [{ state: 'live' }] })
    t.equal(await host.served(), issuedFor(await event(host)))
    t.match(ran.stdout, /live/)
  })
}

t.test('a second Ctrl-C leaves it half-way on record, and another command goes on with it', async (t) => {
  const host = await ready(t, [], slowly)
  const ran = await pressing(host, replace(host), [
    { seen: / step done: /, signal: 'SIGINT' },
    { seen: /Finishing/, signal: 'SIGINT' }
  ])
  t.equal(ran.code, 130, ran.stderr)
  t.match(ran.stderr, /Left half-way: host\/files:\S+ \(deploying\)\. .* tlsward events follow 1\n/)
  t.match(await event(host), { state: 'deploying' })
  const again = await host.run('events', 'follow', '1')
  t.equal(again.code, 0, again.stderr)
  t.equal(await host.served(), issuedFor(await event(host)))
})

t.test('--no-wait wants somebody who goes on with it', async (t) => {
  const host = await ready(t)
  const refused = await host.run(...replace(host, '--no-wait'))
  t.equal(refused.code, 2)
  t.match(refused.stderr, /none is up on this state.*\[run-missing\]/)
  t.same(await host.records(0, 'events'), [], 'nothing was asked for')

  const at = new Date(Date.now() + 3_600_000).toISOString()
  const later = await host.run(...replace(host, '--at', at, '--no-wait'))
  t.equal(later.code, 0, later.stderr)
  t.match(later.stderr, /only if tlsward run is up then/)
  t.equal((await host.run('events', 'cancel', '1')).code, 0)
})

t.test('what has to wait for its window says so at once, and is not waited for in silence', async (t) => {
  const host = await ready(t, [laterToday()])
  const ran = await host.run(...replace(host))
  t.equal(ran.code, 14, ran.stderr)
  t.match(ran.stderr, /It goes on at .* only if tlsward run is up then: .* tlsward events follow 1 --wait/)
  t.match(await event(host), { state: 'scheduled', hours: 'window' })

  const waiting = await pressing(
    host,
    ['events', 'follow', '1', '--wait'],
    [{ seen: /waits until .* Ctrl-C leaves it/, signal: 'SIGINT' }]
  )
  t.equal(waiting.code, 130, waiting.stderr)
  t.match(waiting.stderr, /Nothing is half-way on a device\. It goes on when tlsward run is up/)

  await t.test('the same asked for at any time opens the event that is there', async (t) => {
    const no = await host.run('replace', host.target, '--profile', 'web', '--window', 'any')
    t.equal(no.code, 2, no.stderr)
    t.match(no.stderr, /Event 1 for the same is open already .* in the windows of its profile\./)
    t.match(no.stderr, /Event 1 stays as it is.*\[confirmation-needed\]/)
    t.match(await event(host), { id: 1, state: 'scheduled', hours: 'window' })

    const yes = await host.run(...replace(host, '--window', 'any'))
    t.equal(yes.code, 0, yes.stderr)
    t.match(await event(host), { id: 1, state: 'live', hours: 'any' })
    const history = ofType(await host.records(0, 'events', 'show', '1'), 'happening')
    const [wider] = history.filter(({ why }) => /no maintenance window any more/.test(String(why)))
    t.match(wider, { who: /^(?!tlsward$)/ })
  })
})

t.test('while tlsward run is up, Ctrl-C leaves the waiting to it', async (t) => {
  const host = await ready(t, [laterToday()])
  const appliance = await startAppliance(host.bench)
  let ran: Ran | undefined
  try {
    const press = { seen: /waits until .* Ctrl-C leaves it to tlsward run/, signal: 'SIGINT' } as const
    ran = await pressing(host, replace(host), [press])
  } finally {
    await appliance.stop()
  }
  t.equal(ran.code, 130, ran.stderr)
  t.match(ran.stderr, /tlsward run goes on with it\. Look with: tlsward events follow 1/)
})
