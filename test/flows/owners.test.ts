import t from 'tap'
import {
  addDevice,
  allowDevice,
  checkDevice,
  deviceDetails,
  removeDevice,
  setDeviceSecrets
} from '../../appliance/automation/devices.ts'
import { changeDevice } from '../../appliance/automation/device-settings.ts'
import {
  addIssuer,
  importCertificate,
  issuerDetails,
  issuers,
  removeIssuer
} from '../../appliance/automation/issuers.ts'
import { assignProfile, putProfile } from '../../appliance/automation/profiles.ts'
import { Secret } from '../../core/secret.ts'
import type { AcmeIssuer } from '../../sensor/issuance/acme.ts'
import { createAuthority, createCertificate, pemOf } from '../peers/certificates.ts'
import { pebbleMissing, startPebble } from '../peers/pebble.ts'
import { skipFor } from '../peers/process.ts'
import { keptOf, siteFor, thisMachine } from './site-world.ts'

const missing = pebbleMissing('debian')
const pebbleSkip = skipFor(missing)

t.test('credentials that come too late for a device are not those of the next one', async (t) => {
  const site = await siteFor(t)
  await addDevice(site, thisMachine('first'))
  const late = setDeviceSecrets(site, 'first', { 'sudo-password': 'of the first' })
  const checked = checkDevice(site, 'first', {
    accept: [{ what: 'ssh-host-key', fingerprint: 'SHA256:first' }]
  })
  await Promise.allSettled([removeDevice(site, 'first'), late, checked])
  await t.rejects(late, { code: 'device-missing' })
  t.throws(() => site.store.devices.named('first'), { code: 'device-missing' })
  await addDevice(site, thisMachine('second'))
  const { id } = site.store.devices.named('second')
  t.not(id, 1)
  t.same(keptOf(site, 'device', String(id)), [])
  t.same(keptOf(site, 'device', '1'), [], 'nothing is left for anybody')
  t.same(site.store.devices.pins(id), [])
})

t.test('a device begins without whatever lies at its number', async (t) => {
  const site = await siteFor(t)
  site.vault.put({ kind: 'device', id: '1' }, 'password', new Secret('of nobody'))
  await addDevice(site, { ...thisMachine('first'), secrets: { 'sudo-password': 'its own' } })
  t.same(keptOf(site, 'device', '1'), ['sudo-password'])
})

t.test('what was tried with other settings is not kept', async (t) => {
  const site = await siteFor(t)
  await addDevice(site, thisMachine('first'))
  const late = checkDevice(site, 'first', { accept: null })
  const { id } = site.store.devices.named('first')
  site.store.devices.setSettings(id, JSON.stringify({ place: 'local', programs: ['nginx'] }))
  await t.rejects(late, { code: 'device-changed', message: /device first: .*do it again/ })
  await checkDevice(site, 'first', { accept: null })
})

t.test('secrets of a name that nobody knows are refused, with those that there are', async (t) => {
  const site = await siteFor(t)
  const wrong = { ...thisMachine('first'), secrets: { pasword: 'quite secret' } }
  const refused = await addDevice(site, wrong).catch((thrown: unknown) => thrown as Error)
  t.match(refused, {
    code: 'option-malformed',
    message: /^secret pasword: a device of web-hosts has none .*write one of password, key, passphrase,/
  })
  t.notMatch(refused instanceof Error ? refused.message : '', 'quite secret')
  t.same(site.store.devices.list(), [])
  const issuer = { name: 'ca', settings: {}, secrets: { 'mac-kee': 'quite secret' } }
  await t.rejects(addIssuer(site, { ...issuer, kind: 'acme' }), {
    code: 'option-malformed',
    message: /write one of mac-key, tsig-key, proxy-password$/
  })
  await t.rejects(addIssuer(site, { ...issuer, kind: 'private-ca' }), {
    code: 'option-malformed',
    message: /leave it out: it has none$/
  })
  t.same(issuers(site), [])
})

t.test(
  'an issuer keeps its secrets when another of its name is added meanwhile',
  { skip: pebbleSkip },
  async (t) => {
    const macKey = Buffer.from('external account binding key 24!').toString('base64url')
    const pebble = await startPebble({ bindings: { kid: macKey } })
    t.teardown(() => pebble.stop())
    const site = await siteFor(t)
    const { directoryUrl, trustRoots } = pebble
    const binding = { keyId: 'kid', macKey: 'mac-key' }
    const proofs = [
      { names: ['*'], solver: { kind: 'http-listener', host: '127.0.0.1', port: pebble.httpPort } }
    ]
    const settings = { directoryUrl, trustRoots, agreesToTerms: true, binding, proofs }
    const wish = { name: 'le', kind: 'acme', settings, secrets: { 'mac-key': macKey } } as const
    const ended = await Promise.allSettled([addIssuer(site, wish), addIssuer(site, wish)])
    t.match(ended, [{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'issuer-exists' } }])
    const { secrets: owner } = site.store.issuers.named('le')
    t.same(keptOf(site, 'account', owner), ['mac-key'])
    t.match(issuerDetails(site, 'le'), {
      secrets: [
        { name: 'mac-key', isSet: true },
        { name: 'tsig-key', isSet: false, changedAt: null },
        { name: 'proxy-password', isSet: false }
      ]
    })
    t.notMatch(JSON.stringify(issuerDetails(site, 'le')), macKey)

    const wrong = Buffer.from('another account binding key 25!!').toString('base64url')
    await t.rejects(addIssuer(site, { ...wish, name: 'bad', secrets: { 'mac-key': wrong } }))
    t.same(site.store.sealed.page(0, 100).filter(({ field }) => field === 'mac-key').length, 1)

    // of the other name; 2 of this one: its MAC key and its account's key
    const others = site.vault.status().records - 2
    const old = site.issuer('le') as AcmeIssuer
    await removeIssuer(site, 'le')
    t.same(keptOf(site, 'account', owner), [])
    await t.rejects(old.createAccount(AbortSignal.timeout(20_000)), { code: 'issuer-missing' })
    t.equal(
      site.vault.status().records,
      others,
      'whoever worked with it leaves nothing for the next of its name'
    )
    await addIssuer(site, wish)
    t.not(site.store.issuers.named('le').secrets, owner, 'its successor owns its own')
  }
)

t.test(
  'a certificate that is imported while its issuer is removed leaves no key for the next one',
  async (t) => {
    const site = await siteFor(t)
    const issuer = createAuthority('Shop CA', { issuer: createAuthority('Shop Root') })
    const bought = createCertificate({
      names: ['shop.test'],
      issuer,
      key: 'p256'
    })
    const file = Buffer.from(`${pemOf(bought.chain)}${bought.keyPem}`).toString('base64')
    await importCertificate(site, { issuer: 'bought', file, password: null })
    const again = importCertificate(site, { issuer: 'bought', file, password: null })
    const removed = removeIssuer(site, 'bought')
    await Promise.allSettled([again, removed])
    t.same(issuers(site), [])
    t.same(site.store.issuance.shelved('bought'), [])
    t.equal(site.vault.status().records, 0)
  }
)

t.test('one machine is one device, unless a person says that it is two', async (t) => {
  const site = await siteFor(t)
  await addDevice(site, thisMachine('first'))
  await t.rejects(addDevice(site, thisMachine('second')), {
    code: 'device-same',
    message: /^device first: it is the same machine, .*--same-machine/
  })
  await addDevice(site, { ...thisMachine('second'), sameMachine: 'allowed' })
  t.same(
    site.store.devices.list().map(({ name }) => name),
    ['first', 'second']
  )
})

t.test('a change of settings that leads to the same place is tried and kept', async (t) => {
  const site = await siteFor(t)
  await addDevice(site, thisMachine('first'))
  allowDevice(site, 'first', 'writable')
  const settings = { place: 'local', programs: ['nginx'] }
  await changeDevice(site, { name: 'first', settings, secrets: { 'sudo-password': 'x' }, pins: null })
  t.match(deviceDetails(site, 'first'), { writable: true, settings })
  t.same(keptOf(site, 'device', '1'), ['sudo-password'])
  await t.rejects(
    changeDevice(site, { name: 'first', settings: { colour: 'red' }, secrets: {}, pins: null }),
    {
      code: 'settings-malformed'
    }
  )
  t.match(deviceDetails(site, 'first'), { settings }, 'what does not work is not kept')
})

t.test('a removed device is told of by its events', async (t) => {
  const site = await siteFor(t)
  await addIssuer(site, { name: 'ca', kind: 'manual', settings: {}, secrets: {} })
  putProfile(site, 'web', { issuer: 'ca' })
  await addDevice(site, thisMachine('first'))
  await t.rejects(assignProfile(site, ['first/nginx:/nowhere'], 'web'), { code: 'target-missing' })
  await removeDevice(site, 'first')
  await addDevice(site, thisMachine('first'))
  t.equal(site.store.devices.named('first').id, 2)
})
