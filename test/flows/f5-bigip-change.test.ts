import { createPrivateKey } from 'node:crypto'
import t, { type Test } from 'tap'
import { bindPlan, type BoundPlan, type Bundle, type Session } from '../../connectors/contract.ts'
import { f5BigIp } from '../../connectors/f5-bigip/index.ts'
import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { openSingle } from '../contract/f5-bigip.ts'
import { journalOf, prepare, signal } from '../contract/deployment.ts'
import { createAuthority, createCertificate } from '../peers/certificates.ts'
import type { Fault as DeviceFault, Mishap } from '../simulators/f5-bigip/faults.ts'

async function opened(t: Test) {
  const world = await openSingle()
  const session = await f5BigIp.connect(world.access, signal)
  t.teardown(async () => {
    await session.close()
    await world.stop()
  })
  return { world, session, unit: world.unit }
}

const kinds: readonly Mishap[] = [
  { does: 'drop-before' },
  { does: 'drop-after' },
  { does: 'busy-page' },
  { does: 'time-out' },
  { does: 'garbage' },
  { does: 'truncated' },
  { does: 'break-off' },
  { does: 'refuse', status: 503, message: 'There is an active asynchronous task executing' }
]

async function faultOf(work: Promise<void>): Promise<Fault | null> {
  try {
    await work
    return null
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown
    throw thrown
  }
}

t.test(
  'whatever happens to any one request, it is undone wholly or gone on with',
  { timeout: 300_000 },
  async (t) => {
    const { world, session, unit } = await opened(t)
    const before = world.snapshot('content')
    const { plan, bundle } = await prepare(world, session)
    const start = unit.requests.length
    const clean = journalOf()
    await session.deploy(plan, bundle, clean, signal)
    const requests = unit.requests.length - start
    await session.rollback(plan, clean, signal)
    t.equal(world.snapshot('content'), before)
    for (const kind of kinds) {
      for (let nth = 1; nth <= requests; nth++) {
        for (const next of ['undone', 'gone on with'] as const) {
          const what = `${kind.does} at request ${nth}, ${next}`
          const journal = journalOf()
          unit.faults.add({ ...kind, nth } satisfies DeviceFault)
          const fault = await faultOf(session.deploy(plan, bundle, journal, signal))
          if (fault && !['device-unreachable', 'device-busy', 'device-malformed'].includes(fault.code)) {
            t.fail(`${what}: ${fault.code} ${fault.message}`)
          }
          unit.faults.clear()
          if (next === 'gone on with') {
            await session.deploy(plan, bundle, journal, signal)
            if ((await session.verify(plan, signal)).state !== 'in-place') t.fail(`${what}: it is in place`)
            if (Object.keys(unit.uploads).length > 0) t.fail(`${what}: no upload is left`)
          }
          await session.rollback(plan, journal, signal)
          if (world.snapshot('content') !== before) t.equal(world.snapshot('content'), before, what)
          for (const { key } of bundle) if (world.holdsKey(key.reveal())) t.fail(`${what}: the key is gone`)
        }
      }
      t.pass(`${kind.does}: ${requests} requests, undone and gone on with`)
    }
  }
)

/** an order for one kind of key, bound to a certificate */
async function planned(session: Session, target: string, bundle: Bundle): Promise<BoundPlan> {
  const families = bundle.map(({ family }) => family)
  const plan = await session.plan({ target, families }, signal)
  return bindPlan(plan, Object.fromEntries(bundle.map(({ family, fingerprint }) => [family, fingerprint])))
}

t.test(
  'targets with the same former certificate share the new one, and the last undo removes it',
  async (t) => {
    const { world, session, unit } = await opened(t)
    const shared = [{ name: 'shop-rsa', cert: '/Common/shop-rsa.crt', key: '/Common/shop-rsa.key' }]
    for (const name of ['one', 'two']) {
      await unit.act('POST', 'ltm/profile/client-ssl', { name, partition: 'Other', certKeyChain: shared })
    }
    await unit.act('POST', 'sys/config', { command: 'save' })
    const before = world.snapshot('content')
    const bundle = world.issue().slice(0, 1)
    const key = bundle[0]?.key.reveal() ?? ''
    const [one, two] = [
      await planned(session, '/Other/one', bundle),
      await planned(session, '/Other/two', bundle)
    ]
    t.match(one.warnings, [
      /Saving/,
      /shop-rsa\.crt stays in use by \/Other\/two,/,
      /shop-rsa\.crt stays in use by \/Prod\/shop,/
    ])
    const [first, second] = [journalOf(), journalOf()]
    await session.deploy(one, bundle, first, signal)
    const uploads = () => unit.requests.filter(({ path }) => path.includes('/uploads/tlsward-')).length
    const uploaded = uploads()
    await session.deploy(two, bundle, second, signal)
    t.equal(uploads(), uploaded, 'nothing is uploaded twice')
    t.same(await session.verify(two, signal), { state: 'in-place' })
    await session.rollback(one, first, signal)
    t.same(await session.verify(two, signal), { state: 'in-place' }, 'the other one keeps it')
    t.ok(world.holdsKey(key))
    await session.rollback(two, second, signal)
    t.equal(world.snapshot('content'), before)
    t.notOk(world.holdsKey(key))
  }
)

t.test('ten targets of one device and one certificate take at most 12 requests each', async (t) => {
  const world = await openSingle()
  t.teardown(() => world.stop())
  const { unit } = world
  const shared = [{ name: 'shop-rsa', cert: '/Common/shop-rsa.crt', key: '/Common/shop-rsa.key' }]
  const targets = Array.from({ length: 10 }, (_, at) => `site-${at}`)
  for (const name of targets) {
    await unit.act('POST', 'ltm/profile/client-ssl', { name, partition: 'Common', certKeyChain: shared })
  }
  const bundle = world.issue().slice(0, 1)
  const start = unit.requests.length
  const session = await f5BigIp.connect(world.access, signal)
  const plans: BoundPlan[] = []
  for (const name of targets) {
    await session.role(signal)
    plans.push(await planned(session, `/Common/${name}`, bundle))
  }
  for (const plan of plans) await session.deploy(plan, bundle, journalOf(), signal)
  for (const plan of plans) t.same(await session.verify(plan, signal), { state: 'in-place' })
  for (const plan of plans) await session.cleanup(plan, 2, signal)
  await session.close()
  const each = (unit.requests.length - start) / targets.length
  t.comment(`${each} requests for each target`)
  t.ok(each <= 12)
})

t.test('a chain that the device lacks is made once, used again, and taken back', async (t) => {
  const { world, session, unit } = await opened(t)
  const before = world.snapshot('content')
  const issuer = createAuthority('New Issuing', { key: 'rsa2048', issuer: createAuthority('New Root') })
  const issue = (): Bundle => {
    const { fingerprint, pem, keyPem } = createCertificate({ names: world.names, issuer })
    return [{ family: 'ecdsa', fingerprint, leaf: pem, chain: [issuer.pem], key: new Secret(keyPem) }]
  }
  const [first, second] = [issue(), issue()]
  const chains = () => Object.keys(unit.system.running.certs).filter((name) => name.endsWith('-chain.crt'))
  const [plan, journal] = [await planned(session, world.target, first), journalOf()]
  await session.deploy(plan, first, journal, signal)
  t.equal(chains().length, 1)
  const [again, other] = [await planned(session, world.target, second), journalOf()]
  await session.deploy(again, second, other, signal)
  t.equal(chains().length, 1, 'the same bytes are there')
  await session.rollback(again, other, signal)
  t.same(await session.verify(plan, signal), { state: 'in-place' })
  await session.rollback(plan, journal, signal)
  t.equal(world.snapshot('content'), before)
})

t.test('both kinds of key change by one request, and so at one moment', async (t) => {
  const { world, session, unit } = await opened(t)
  const { plan, bundle } = await prepare(world, session)
  await session.deploy(plan, bundle, journalOf(), signal)
  const bound = unit.requests.filter(
    ({ method, path }) => method === 'PATCH' && path.includes('/client-ssl/')
  )
  t.equal(bound.length, 1)
  t.match(bound[0]?.body, /shop-rsa.*shop-ecdsa/)
})

t.test('both kinds of key from one authority share one chain', async (t) => {
  const { world, session, unit } = await opened(t)
  const before = world.snapshot('content')
  const { plan, bundle } = await prepare(world, session, 'longer')
  const journal = journalOf()
  await session.deploy(plan, bundle, journal, signal)
  const pairs = unit.system.running.clientSsl['/Prod/shop']?.certKeyChain ?? []
  t.equal(new Set(pairs.map(({ chain }) => chain)).size, 1)
  t.equal(Object.keys(unit.system.running.certs).filter((name) => name.endsWith('-chain.crt')).length, 1)
  await session.rollback(plan, journal, signal)
  t.equal(world.snapshot('content'), before)
})

t.test('a kind of key that the profile lacks is added beside the other, and taken away again', async (t) => {
  const { world, session, unit } = await opened(t)
  const before = world.snapshot('content')
  const bundle = world.issue().slice(1)
  const plan = await planned(session, '/Common/mail', bundle)
  t.match(plan.warnings, [/Saving/, /Adds an ECDSA pair/])
  const journal = journalOf()
  await session.deploy(plan, bundle, journal, signal)
  t.equal(unit.system.running.clientSsl['/Common/mail']?.certKeyChain?.length, 2)
  await session.rollback(plan, journal, signal)
  t.equal(world.snapshot('content'), before)
})

t.test('a pair with a passphrase is replaced and put back, or kept beside another one', async (t) => {
  const { world, session: bare, unit } = await opened(t)
  const secret = (name: string) =>
    name === 'key-passphrase' ? new Secret('demo-Phrase-1') : world.access.secret(name)
  const session = await f5BigIp.connect({ ...world.access, secret }, signal)
  t.teardown(() => session.close())
  const locked = createCertificate({ names: world.names, key: 'rsa2048' })
  const pem = createPrivateKey(locked.keyPem).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'demo-Phrase-1'
  })
  const files = { '/var/tmp/locked.crt': locked.pem, '/var/tmp/locked.key': pem.toString() }
  for (const [path, content] of Object.entries(files)) unit.system.disk.write(path, content)
  const sourcePath = 'file:/var/tmp/locked'
  await unit.act('POST', 'sys/file/ssl-cert', { name: 'locked.crt', sourcePath: `${sourcePath}.crt` })
  const key = { name: 'locked.key', sourcePath: `${sourcePath}.key`, passphrase: 'demo-Phrase-1' }
  await unit.act('POST', 'sys/file/ssl-key', key)
  const pair = {
    name: 'locked',
    cert: '/Common/locked.crt',
    key: '/Common/locked.key',
    passphrase: 'demo-Phrase-1'
  }
  await unit.act('POST', 'ltm/profile/client-ssl', { name: 'locked', certKeyChain: [pair] })
  await unit.act('POST', 'sys/config', { command: 'save' })
  const before = world.snapshot('content')
  await t.rejects(bare.plan({ target: '/Common/locked', families: ['rsa'] }, signal), {
    code: 'device-unsupported',
    message: /key-passphrase/
  })
  const [rsa = [], ecdsa = []] = world.issue().map((item) => [item])
  for (const bundle of [rsa, ecdsa]) {
    const plan = await planned(session, '/Common/locked', bundle)
    t.notMatch(JSON.stringify(plan), /demo-Phrase/)
    const journal = journalOf()
    await session.deploy(plan, bundle, journal, signal)
    t.same(await session.verify(plan, signal), { state: 'in-place' })
    await session.rollback(plan, journal, signal)
    t.equal(world.snapshot('content'), before)
  }
})

t.test('every version from 13 to 17 is served', async (t) => {
  for (const version of ['13.0.0', '13.1.5', '14.1.5', '15.1.10', '16.1.4', '17.1.2', '17.5.1']) {
    const world = await openSingle({ version })
    const session = await f5BigIp.connect(world.access, signal)
    try {
      const before = world.snapshot('content')
      t.match(await session.check(signal), { version, notes: [] })
      const { plan, bundle } = await prepare(world, session)
      const journal = journalOf()
      await session.deploy(plan, bundle, journal, signal)
      t.same(await session.verify(plan, signal), { state: 'in-place' }, version)
      await session.rollback(plan, journal, signal)
      t.equal(world.snapshot('content'), before, version)
    } finally {
      await session.close()
      await world.stop()
    }
  }
})

t.test('what must not be changed is listed with the reason, and refused by the plan', async (t) => {
  const { session, unit } = await opened(t)
  const pair = [{ name: 'mail', cert: '/Common/mail.crt', key: '/Common/mail.key' }]
  await unit.act('POST', 'sys/folder', { name: '/Common/app.app', partition: 'Common' })
  await unit.act('POST', 'ltm/profile/client-ssl', {
    name: 'by-iapp',
    partition: 'Common',
    subPath: 'app.app',
    appService: '/Common/app.app/app',
    certKeyChain: pair
  })
  await unit.act('POST', 'sys/folder', { name: '/Prod/own', partition: 'Prod' })
  await unit.act('POST', 'ltm/profile/client-ssl', {
    name: 'by-hand',
    partition: 'Prod',
    subPath: 'own',
    certKeyChain: pair
  })
  await unit.act('POST', 'ltm/profile/server-ssl', {
    name: 'to-servers',
    cert: '/Common/mail.crt',
    key: '/Common/mail.key'
  })
  const found = new Map<string, string>()
  for await (const page of session.discover(signal)) {
    for (const { target, unmanaged } of page)
      found.set(target, unmanaged ? `${unmanaged.code}: ${unmanaged.why}` : 'managed')
  }
  t.match(found.get('/Common/app.app/by-iapp'), /^managed-elsewhere: .*iApp/)
  t.match(found.get('/Common/clientssl'), /^unsupported: it comes with the device/)
  t.match(found.get('server-ssl:/Common/to-servers'), /^unsupported: it is shown to servers/)
  t.match(found.get('httpd'), /^unsupported: /)
  t.equal(found.get('/Prod/shop'), 'managed')
  t.equal(found.get('/Prod/own/by-hand'), 'managed', 'a folder alone is nobody')
  const order = (target: string) => session.plan({ target, families: ['rsa'] }, signal)
  await t.rejects(order('/Common/app.app/by-iapp'), { code: 'device-managed-elsewhere' })
  await t.rejects(order('/Common/clientssl'), { code: 'device-unsupported' })
  await t.rejects(order('/Prod/shop-child'), { code: 'device-unsupported', message: /pairs of \/Prod\/shop/ })
  await t.rejects(order('httpd'), { code: 'target-missing' })
  unit.faults.add({
    does: 'refuse',
    path: '/mgmt/shared/appsvcs/declare',
    status: 401,
    message: 'Authorization failed: user=x'
  })
  await t.rejects(order('/Prod/own/by-hand'), { code: 'device-right', message: /may not ask AS3/ })
})

t.test('an undo leaves in place what somebody else put there since', async (t) => {
  const { world, session } = await opened(t)
  const { plan, bundle } = await prepare(world, session)
  const journal = journalOf()
  await session.deploy(plan, bundle, journal, signal)
  await world.changeByOthers()
  const theirs = await world.shown()
  await session.rollback(plan, journal, signal)
  t.same(await world.shown(), theirs)
  for (const { key } of bundle) t.notOk(world.holdsKey(key.reveal()))
})

t.test('collections of several pages are read whole', async (t) => {
  const { pem } = createCertificate({ names: ['many.test'] })
  const many = Array.from({ length: 1001 }, (_, at) => [`/Common/a-${at}.crt`, pem] as const)
  const world = await openSingle({}, Object.fromEntries(many))
  t.teardown(() => world.stop())
  const session = await f5BigIp.connect(world.access, signal)
  const plan = await session.plan({ target: '/Prod/shop', families: ['rsa'] }, signal)
  t.equal(plan.before.length, 2)
  const { requests } = world.unit
  t.equal(requests.filter(({ path }) => path.startsWith('/mgmt/tm/sys/file/ssl-cert')).length, 3)
  await session.close()
})
