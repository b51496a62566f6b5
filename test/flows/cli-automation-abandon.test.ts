import { join } from 'node:path'
import t from 'tap'
import { secretFile } from './appliance-world.ts'
import { automationHost, quick } from './automation-host.ts'
import { dnsSkipped, dnsWorld } from './issuer-world.ts'

t.test(
  'a cancelled event leaves no record in DNS, also where no tlsward run is up',
  { skip: dnsSkipped('debian') },
  async (t) => {
    const { site, bind, pebble } = await dnsWorld(t, { reuseAuthorizations: 0 })
    const host = await automationHost(t, { names: ['a.test'] })
    const { run, records, target } = host
    const record = () => bind.txt('_acme-challenge.a.test')

    const [rule] = site.settings.proofs
    // so that the order waits with its answer in place
    const solver = { ...rule?.solver, settleSeconds: 3_600, key: { name: 'issuer', secret: 'tsig-key' } }
    const settings = { ...site.settings, proofs: [{ names: ['*'], solver }] }
    const file = secretFile(join(host.folder, 'acme'), 'settings.json', JSON.stringify(settings))
    const key = secretFile(join(host.folder, 'acme'), 'tsig', site.secrets['tsig'] ?? '')
    const words = ['issuer', 'add', 'public', 'acme', '--settings', file, '--secret-file', `tsig-key=${key}`]
    const added = await run(...words)
    t.equal(added.code, 0, added.stderr)
    t.equal((await run('profile', 'set', 'web', 'issuer=public', ...quick)).code, 0)

    const ordered = await run('replace', target, '--profile', 'web', '--yes')
    t.equal(ordered.code, 12, ordered.stderr)
    t.equal((await record()).length, 1, 'the answer is in place')
    const cancelled = await run('events', 'cancel', '1')
    t.equal(cancelled.code, 0, cancelled.stderr)
    t.same(await record(), [])
    const history = (await records(0, 'events', 'show', '1')).map(({ why }) => String(why))
    t.ok(history.some((why) => /what it left at the issuer is taken back/.test(why)))
    t.equal(pebble.gate.count('finalize'), 0)
    t.equal(await host.served(), host.before.fingerprint)
  }
)
