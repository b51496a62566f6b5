import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Binding } from '../../appliance/automation-records.ts'
import { readSecrets, withSecretsNamed } from '../../appliance/cli/automation/secrets.ts'
import { readJson, settingNames, settingsOf } from '../../appliance/cli/automation/setting-words.ts'
import { startTime } from '../../appliance/cli/automation/start-time.ts'
import { targetsOf } from '../../appliance/cli/automation/targets.ts'
import { webHosts } from '../../connectors/web-hosts/index.ts'
import { Fault } from '../../core/fault.ts'
import { ProfileText, wholeProfile } from '../../sensor/automation/profile.ts'
import { binding } from './cli-records.ts'

const folder = mkdtempSync(join(tmpdir(), 'tlsward-words-'))
t.teardown(() => rmSync(folder, { recursive: true }))

/** The message of the Fault that a call throws. */
function complaint(act: () => unknown): string {
  try {
    act()
  } catch (thrown) {
    if (thrown instanceof Fault) return `${thrown.code}: ${thrown.message}`
    throw thrown
  }
  return 'nothing was thrown'
}

const profileForm = { schema: ProfileText, secrets: [], lists: 'parted' } as const
const profileOf = (words: readonly string[], base: unknown = {}) => settingsOf(words, profileForm, base)

t.test('fields of a profile are read by its schema', (t) => {
  const content = profileOf([
    'issuer=ca',
    'keyTypes=ec-p256,rsa-2048',
    'windows.hours=Sat,Sun 01:00-05:00 Europe/Berlin',
    'rollout.canary=none',
    'rollout.soakMinutes=0.5',
    'names.rule=exactly',
    'names.names=a.test, b.test',
    'names.names=c.test',
    'renewBefore.days=30',
    'subject.O=Example, Inc.',
    'validityDays=null'
  ])
  t.same(content, {
    issuer: 'ca',
    keyTypes: ['ec-p256', 'rsa-2048'],
    windows: { hours: 'Sat,Sun 01:00-05:00 Europe/Berlin' },
    rollout: { canary: 'none', soakMinutes: 0.5 },
    names: { rule: 'exactly', names: ['a.test', 'b.test', 'c.test'] },
    renewBefore: { days: 30 },
    subject: { O: 'Example, Inc.' },
    validityDays: null
  })
  t.doesNotThrow(() => wholeProfile(content))
  t.end()
})

t.test('words change what is there, and a part of several forms begins anew', (t) => {
  const base = wholeProfile({
    issuer: 'ca',
    names: { rule: 'exactly', names: ['a.test'] },
    renewBefore: { share: 0.5 },
    rollout: { atOnce: 7 }
  })
  const content = profileOf(['names.rule=served', 'renewBefore.days=20', 'rollout.canary=standby'], base)
  t.match(content, {
    issuer: 'ca',
    names: { rule: 'served' },
    renewBefore: { days: 20 },
    rollout: { atOnce: 7, canary: 'standby' }
  })
  t.notOk('names' in (content['names'] as object))
  t.doesNotThrow(() => wholeProfile(content))
  t.same(base.renewBefore, { share: 0.5 }, 'what is there is not changed itself')
  t.same(profileOf(['keyTypes=rsa-3072'], base)['keyTypes'], ['rsa-3072'], 'a list is replaced, not grown')
  t.end()
})

t.test('a wrong word says which, and what there is', (t) => {
  t.match(
    complaint(() => profileOf(['isuer=ca'])),
    /^option-malformed: setting is 'isuer': there is none of this name; there are issuer, .*windows\.hours, /
  )
  t.match(
    complaint(() => profileOf(['rollout=none'])),
    /setting is 'rollout': write one of its parts, rollout\.canary, rollout\.soakMinutes, rollout\.atOnce\./
  )
  t.match(
    complaint(() => profileOf(['ca'])),
    /setting is 'ca': write name=value\./
  )
  t.match(
    complaint(() => profileOf(['=ca'])),
    /write name=value/
  )
  t.match(
    complaint(() => profileOf(['__proto__.x=1'])),
    /there is none of this name/
  )
  t.match(
    complaint(() => profileOf(['issuer.toString=1'])),
    /there is none of this name/
  )
  t.match(
    complaint(() => profileOf(['issuer=ca'], [])),
    /--settings .* write a JSON object/
  )
  t.equal(({} as Record<string, unknown>)['x'], undefined)
  t.end()
})

t.test('every field of a profile can be named', (t) => {
  const names = settingNames(ProfileText)
  for (const name of ['issuer', 'names.rule', 'names.names', 'renewBefore.share', 'keep.generations'])
    t.ok(names.includes(name), name)
  t.equal(new Set(names).size, names.length, 'each once')
  t.end()
})

const deviceForm = {
  schema: webHosts.settings,
  secrets: webHosts.secrets.map(({ name }) => name),
  lists: 'whole'
} as const

t.test('settings of a device have the types of its connector, and lists take words whole', (t) => {
  const entry = 'name=mail cert=/a.crt key=/a.key served=10.0.0.7:25/smtp,10.0.0.7:465'
  const words = ['address=10.0.0.5', 'port=2222', 'oldAlgorithms=true', 'programs=nginx,haproxy']
  t.same(settingsOf([...words, `files=${entry}`, 'files=name=x combined=/x.pem'], deviceForm, {}), {
    address: '10.0.0.5',
    port: 2222,
    oldAlgorithms: true,
    programs: ['nginx', 'haproxy'],
    files: [entry, 'name=x combined=/x.pem']
  })
  t.same(settingsOf(['port=many'], deviceForm, {}), { port: 'many' }, 'left to the schema to refuse')
  t.end()
})

t.test('a secret among the words is refused and not repeated', (t) => {
  const says = complaint(() => settingsOf(['password=hunter2'], deviceForm, {}))
  t.match(says, /setting password is a secret.*--secret-file password=FILE/)
  t.notMatch(says, /hunter2/)
  t.notMatch(
    complaint(() => settingsOf(['pasword=hunter2'], deviceForm, {})),
    /hunter2/
  )
  t.end()
})

t.test('a file of settings that is none is named', (t) => {
  const file = join(folder, 'settings.json')
  writeFileSync(file, '{"address": ')
  t.match(
    complaint(() => readJson('--settings', file)),
    /^option-malformed: --settings \/.* is no JSON: /
  )
  t.match(
    complaint(() => readJson('--settings', join(folder, 'none'))),
    /^file-unreadable: .*no such file/
  )
  writeFileSync(file, '{"address": "10.0.0.5"}')
  t.same(settingsOf(['port=22'], deviceForm, readJson('--settings', file)), { address: '10.0.0.5', port: 22 })
  t.end()
})

const fields = webHosts.secrets

t.test('secrets come from files and references', async (t) => {
  const file = join(folder, 'key')
  writeFileSync(file, 'line one\nline two\n')
  t.same(
    await readSecrets(fields, {
      secretFile: [`key=${file}`],
      secretRef: ['passphrase=env-file:/etc/keys#PASS']
    }),
    { key: 'line one\nline two', passphrase: 'env-file:/etc/keys#PASS' },
    'without the last line end'
  )
  t.same(await readSecrets(fields, {}), {}, 'none where nobody can be asked')
  t.end()
})

t.test('a secret in the wrong place is not repeated', async (t) => {
  const of = async (options: Parameters<typeof readSecrets>[1], known = fields) => {
    const thrown: unknown = await readSecrets(known, options).then(
      () => undefined,
      (error: unknown) => error
    )
    return thrown instanceof Fault ? `${thrown.code}: ${thrown.message}` : String(thrown)
  }
  t.match(
    await of({ secretFile: ['keys=/x'] }),
    /--secret-file is 'keys': write NAME=FILE with one of password, key/
  )
  t.match(await of({ secretFile: ['hunter2'] }), /--secret-file is '': write NAME=FILE/)
  t.notMatch(await of({ secretFile: ['hunter2'] }), /hunter2/)
  t.notMatch(await of({ secretRef: ['password=hunter2'] }), /hunter2/)
  t.match(await of({ secretRef: ['password=hunter2'] }), /^reference-malformed/)
  t.match(await of({ secretFile: ['key=/none/there'] }), /^file-unreadable: --secret-file \/none\/there /)
  t.match(await of({ secretFile: ['key=/x'] }, []), /leave it out: there are no secrets/)
})

t.test('where a secret is missing, the way to give it is said', async (t) => {
  const lacking = new Fault('settings-malformed', 'The device has no key: give one.', { field: 'key' })
  await t.rejects(
    withSecretsNamed(fields, () => Promise.reject(lacking)),
    { message: /has no key: give one\. Give it with --secret-file key=FILE/ }
  )
  const other = new Fault('settings-malformed', 'address is empty.', { field: 'address' })
  await t.rejects(
    withSecretsNamed(fields, () => Promise.reject(other)),
    { message: 'address is empty.' }
  )
})

/** Functions that know the bindings of one device. */
function deviceWith(bindings: readonly Binding[]) {
  return {
    signal: new AbortController().signal,
    functions: {
      async *discoverDevice(name: string) {
        yield* bindings.filter(({ device }) => device === name)
      }
    }
  }
}

t.test('targets are written device/target, and device/* is all that may be changed', async (t) => {
  const web = deviceWith([
    binding({ device: 'web1', target: 'nginx:/tls/a.crt' }),
    binding({ device: 'web1', target: 'nginx:/tls/b.crt' }),
    binding({
      device: 'web1',
      target: 'nginx:/tls/le.crt',
      unmanaged: { code: 'managed-elsewhere', why: 'certbot writes it' }
    })
  ])
  t.same(await targetsOf(['web1/nginx:/tls/b.crt', 'web1/*', 'lb/x'], web), [
    'web1/nginx:/tls/b.crt',
    'web1/nginx:/tls/a.crt',
    'lb/x'
  ])
  for (const wrong of ['web1', '/x', 'web1/', ''])
    await t.rejects(targetsOf([wrong], web), { message: /target is '.*': write device\/target/ }, wrong)
  await t.rejects(targetsOf(['web2/*'], web), {
    code: 'target-none',
    message: /tlsward device discover web2/
  })
})

t.test('a time to begin is read strictly', (t) => {
  const now = Date.parse('2026-11-25T12:00:00Z')
  const at = (text: string) => startTime('--at', text, now)
  t.equal(at('2026-11-28T01:00:00Z'), '2026-11-28T01:00:00.000Z')
  t.equal(at('2026-11-28T01:00:00+02:00'), '2026-11-27T23:00:00.000Z')
  t.equal(at('2026-11-28 01:00'), new Date(2026, 10, 28, 1).toISOString(), 'in the zone of the process')
  for (const wrong of ['tomorrow', '01:00', '2026-11-28', '2026-02-30 01:00', '2026-11-28T25:00Z', ''])
    t.match(
      complaint(() => at(wrong)),
      /^option-malformed: --at is .* write a time such as/,
      wrong
    )
  t.match(
    complaint(() => at('2026-11-25 11:00')),
    /name a time to come/
  )
  t.end()
})
