import { readFileSync } from 'node:fs'
import t from 'tap'
import { searchSecrets, soughtKey } from '../peers/secret-search.ts'
import { automationHost, issuedFor, ofType, quick } from './automation-host.ts'
import { schemaErrors } from './cli.ts'

t.test('from a device to a certificate that a handshake proves', async (t) => {
  const host = await automationHost(t)
  const { run, records, target } = host

  await t.test('the device says what it holds', async (t) => {
    const listed = await run('device')
    t.match(listed.stdout, /^DEVICE .*\nhost +web-hosts +this machine .* allowed /)
    t.match(await records(0, 'device', 'check', 'host'), [{ type: 'check', device: 'host' }])
    const [binding] = await records(0, 'device', 'discover', 'host')
    t.match(binding, {
      target: target.slice('host/'.length),
      slots: [
        { family: 'ecdsa', fingerprint: host.before.fingerprint, names: ['shop.test', 'www.shop.test'] }
      ]
    })
    t.match((await run('device', 'discover', 'host', '--csv')).stdout, /^device,target,.*\nhost,files:/)
  })

  await t.test('an issuer and a profile are made', async (t) => {
    t.match(await records(0, 'issuer', 'add', 'ca', 'private-ca', 'organization=Example'), [
      { type: 'issuer-check', issuer: 'ca' }
    ])
    const roots = await run('issuer', 'check', 'ca', '--roots')
    t.match(roots.stdout, /^-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n$/)
    t.match(await records(0, 'profile', 'set', 'web', 'issuer=ca', ...quick), [
      { type: 'profile', name: 'web', content: { issuer: 'ca', rollout: { canary: 'none', atOnce: 2 } } }
    ])
    t.match(await records(0, 'profile', 'set', 'web', 'rollout.atOnce=3'), [
      { content: { issuer: 'ca', rollout: { canary: 'none', atOnce: 3 } } }
    ])
    t.match((await run('profile')).stdout, /web +ca +ec-p256 +not-needed +0/)
  })

  await t.test('a plan changes nothing and buys nothing', async (t) => {
    const shown = await run('replace', target, '--profile', 'web', '--plan')
    t.equal(shown.code, 0, shown.stderr)
    t.match(shown.stdout, /names +shop\.test, www\.shop\.test/)
    t.match(shown.stdout, /step 1 +Move .*\n(.*\n)*.*seen at +127\.0\.0\.1:\d+ shop\.test/)
    t.match(shown.stderr, /Nothing was bought, and nothing was written\./)
    const plans = await records(0, 'replace', 'host/*', '--profile', 'web', '--plan')
    t.ok(ofType(plans, 'plan').every(({ target: at }) => at === target.slice('host/'.length)))
    t.match(
      await records(0, 'events'),
      [
        { state: 'cancelled', certificates: [] },
        { state: 'cancelled', certificates: [] }
      ],
      'both are over with their plan'
    )
    const told = ofType(await records(0, 'events', 'show', '1'), 'happening')
    t.same(
      told.map(({ what }) => what),
      ['requested', 'cancelled'],
      'a plan was never up for approval'
    )
    t.match(told[1], { why: /^the plan is [0-9a-f]{16}, and only that was asked for$/ })
    t.match(told[0]?.['at'], /T\d\d:\d\d:\d\d\.\d{3}Z$/, 'to the millisecond')
    t.match((await run('events', 'show', '1')).stdout, / \d\d:\d\d:\d\d \S+ .*requested/, 'to the second')
    t.equal(await host.served(), host.before.fingerprint)
    t.equal(host.program.generation(), '', 'the server was told nothing')
  })

  await t.test('without a terminal nothing is done unless --yes says so', async (t) => {
    const ran = await run('replace', target, '--profile', 'web')
    t.equal(ran.code, 2)
    t.match(ran.stderr, /repeat with --yes .*\[confirmation-needed\]/)
    t.match((await records(0, 'events', '--limit', '1'))[0], { state: 'cancelled' })
    t.equal(await host.served(), host.before.fingerprint)
  })

  await t.test('yes replaces the certificate, and shows how', async (t) => {
    const lines = await records(0, 'replace', target, '--profile', 'web', '--yes')
    t.same(schemaErrors(lines), [])
    const whats = ofType(lines, 'happening').map(({ what }) => what)
    t.equal(whats.filter((what) => what === 'requested').length, 1, 'nothing is told twice')
    for (const what of ['needs-approval', 'issuing', 'deploying', 'step done', 'verifying', 'live'])
      t.ok(whats.includes(what), what)
    const event = lines.at(-1)
    t.match(event, { type: 'event', state: 'live', deployments: [{ state: 'live' }] })
    const fingerprint = issuedFor(event)
    t.not(fingerprint, host.before.fingerprint)
    t.ok(fingerprint)
    t.equal(await host.served(), fingerprint, 'a handshake shows the new one')
    t.equal(host.program.generation(), 'good\n')
  })

  await t.test('the event tells all of it afterwards', async (t) => {
    const [last] = await records(0, 'events', '--limit', '1')
    const id = String(last?.['id'])
    const shown = await run('events', 'show', id)
    t.match(shown.stdout, /^Event \d+ is live: live at 1 target\n/)
    t.match(shown.stdout, /Approved by +\S/)
    t.match(shown.stdout, /step done/)
    t.same(schemaErrors(await records(0, 'events', 'show', id)), [])
    t.match((await run('events')).stdout, /live +replace +shop\.test/)
    t.match((await run('events', '--open')).stdout, /^No event is open\.\n$/)
    const again = await run('events', 'cancel', id)
    t.equal(again.code, 5)
    t.match(again.stderr, /\[event-state\]/)
  })

  await t.test('why says what comes next', async (t) => {
    t.match((await run('why', target)).stdout, /No profile is given for it {2}\[not-managed\]/)
    const assigned = await run('profile', 'assign', 'web', 'host/*')
    t.match(assigned.stderr, /1 target: renewed by profile web from now on/)
    t.match((await run('why', 'host/*')).stdout, /\[renews-by-share\]/)
    t.match(ofType(await records(0, 'why', target), 'reason'), [{ device: 'host', code: 'renews-by-share' }])
    t.equal((await run('profile', 'remove', 'web')).code, 5, 'a profile in use stays')
    t.equal((await run('profile', 'unassign', target)).code, 0)
    t.match((await run('why', target)).stdout, /\[not-managed\]/)
  })

  await t.test('a device that is only read is not changed', async (t) => {
    const { stderr } = await run('device', 'forbid', 'host')
    t.match(stderr, /only read now/)
    const ran = await run('replace', target, '--profile', 'web', '--yes')
    t.equal(ran.code, 3)
    t.match(ran.stderr, /tlsward device allow host.*\[device-read-only\]/)
  })

  await t.test('no key stands in any output', (t) => {
    const key = readFileSync(target.slice('host/files:'.length).replace(/crt$/, 'key'), 'utf8')
    t.match(key, /PRIVATE KEY/)
    t.notMatch(host.output(), /PRIVATE KEY/)
    const { hits } = searchSecrets(soughtKey('key', key), { texts: { output: host.output() } })
    t.same(hits, [])
    t.end()
  })
})
