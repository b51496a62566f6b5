import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { automationHost, issuedFor, quick } from './automation-host.ts'
import { schemaErrors } from './cli.ts'

t.test('a certificate that covers less than the one that is there', async (t) => {
  const host = await automationHost(t)
  const { run, records, target } = host
  await run('issuer', 'add', 'ca', 'private-ca')
  const names = ['names.rule=exactly', 'names.names=shop.test']
  await records(0, 'profile', 'set', 'web', 'issuer=ca', ...quick, ...names)

  await t.test('is told in the plan', async (t) => {
    const shown = await run('replace', target, '--profile', 'web', '--plan')
    t.match(
      shown.stdout,
      /! www\.shop\.test, a name of the certificate that is there loses its certificate: .*clients will refuse it/
    )
    const lines = await records(0, 'replace', target, '--profile', 'web', '--plan')
    t.same(schemaErrors(lines), [])
  })

  await t.test('is not put there by --yes alone', async (t) => {
    const ran = await run('replace', target, '--profile', 'web', '--yes')
    t.equal(ran.code, 2)
    t.match(ran.stderr, /www\.shop\.test would be left without a certificate.*--yes --accept-lost-names/)
    t.equal(await host.served(), host.before.fingerprint)
  })

  await t.test('is not put there where nobody can say yes', async (t) => {
    const asked = await run('replace', target, '--profile', 'web', '--accept-lost-names')
    t.equal(asked.code, 2)
    t.match(asked.stderr, /--yes/)
  })

  await t.test('is put there by a person who says so', async (t) => {
    const lines = await records(0, 'replace', target, '--profile', 'web', '--yes', '--accept-lost-names')
    const event = lines.at(-1)
    t.match(event, { state: 'live' })
    t.equal(await host.served(), issuedFor(event))
    const second = await run('replace', target, '--profile', 'web', '--yes')
    t.equal(second.code, 0, 'once lost, it is not asked for again')
  })
})

t.test('what is not there is said, with what may have been meant', async (t) => {
  const host = await automationHost(t)
  const { run, records, target } = host
  await run('issuer', 'add', 'ca', 'private-ca')
  await records(0, 'profile', 'set', 'web', 'issuer=ca', ...quick)
  const wrong = target.replace(/\.crt$/, '.crx')
  const said = new RegExp(
    `has no such place\\. Near it: ${target.replaceAll('.', '\\.')}.*\\[target-missing\\]`
  )

  const ran = await run('replace', wrong, '--profile', 'web', '--plan')
  t.equal(ran.code, 4)
  t.match(ran.stderr, said)
  t.match((await run('events')).stdout, /^No event yet/, 'no event is made for it')
  const why = await run('why', wrong)
  t.equal(why.code, 4)
  t.match(why.stderr, said)
  t.match((await run('why', target)).stdout, /\[not-managed\]/)
  t.match((await run('profile', 'assign', 'web', wrong)).stderr, said)
})

t.test('a profile in use stays, and says what uses it', async (t) => {
  const host = await automationHost(t)
  const { run, records, target } = host
  await run('issuer', 'add', 'ca', 'private-ca')
  await records(0, 'profile', 'set', 'web', 'issuer=ca', 'approval=needed', ...quick)
  await run('profile', 'assign', 'web', target)
  const managed = await run('profile', 'remove', 'web')
  t.equal(managed.code, 5)
  t.match(managed.stderr, new RegExp(`it renews ${target}: give them another`))
  await run('profile', 'unassign', target)
  // an event that waits for its hour stays open when its command has ended
  await run('replace', target, '--profile', 'web', '--yes', '--at', '2099-01-01T00:00:00Z', '--no-wait')
  const open = await run('profile', 'remove', 'web')
  t.equal(open.code, 5)
  t.match(open.stderr, /open events use it \(1\): .*tlsward events cancel/)
  await run('events', 'cancel', '1')
  t.equal((await run('profile', 'remove', 'web')).code, 0)
})

t.test('a field that is wrong says what it is and what may stand there', async (t) => {
  const host = await automationHost(t)
  await host.run('issuer', 'add', 'ca', 'private-ca')
  const ran = await host.run('profile', 'set', 'web', 'issuer=ca', 'renewBefore.share=0.9')
  t.equal(ran.code, 2)
  t.match(ran.stderr, /renewBefore\.share: it is 0\.9: write 0\.05 to 0\.66: .*a third of its lifetime/)
})

t.test('no handshake is made with what the do-not-scan list spares', async (t) => {
  const host = await automationHost(t)
  const { run, records, target } = host
  await run('issuer', 'add', 'ca', 'private-ca')
  await records(0, 'profile', 'set', 'web', 'issuer=ca', ...quick)
  writeFileSync(join(host.bench.state, 'do-not-scan'), '127.0.0.1\n')
  const ran = await run('replace', target, '--profile', 'web', '--yes')
  t.equal(ran.code, 11)
  t.match(ran.stdout, /no handshake could prove the new/)
  t.equal(await host.served(), host.before.fingerprint)
})
