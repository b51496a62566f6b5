import t from 'tap'
import { parseAddress } from '../../core/address.ts'
import { systemClock } from '../../core/clock.ts'
import { Secret } from '../../core/secret.ts'
import { type Identified, identifyRange } from '../../sensor/identify/range.ts'
import { type SnmpCredentials, identify } from '../../sensor/identify/snmp.ts'
import { freePort } from '../peers/ports.ts'
import { skipWithout } from '../peers/row.ts'
import { snmpdMissing, startSnmpd } from '../peers/snmpd.ts'

const skip = skipWithout(snmpdMissing())

// the object ids that F5 and Citrix gave to their products
const products = [
  { prefix: '1.3.6.1.4.1.3375.2.1.3.4', product: 'F5 BIG-IP', serial: '1.3.6.1.4.1.3375.2.1.3.3.3.0' },
  { prefix: '1.3.6.1.4.1.5951.1', product: 'Citrix ADC (NetScaler)' }
]
const bigIp = { objectId: '.1.3.6.1.4.1.3375.2.1.3.4.43', description: 'BIG-IP software release 16.1.4' }
const deps = { clock: systemClock, products, timeoutMs: 1_000 }
const community = (text: string): SnmpCredentials => ({ version: '2c', community: new Secret(text) })

const user = (over: Partial<Extract<SnmpCredentials, { version: '3' }>> = {}): SnmpCredentials => ({
  version: '3',
  user: 'reader',
  authentication: 'SHA-256',
  authenticationKey: new Secret('authentic-12'),
  privacy: 'AES-128',
  privacyKey: new Secret('privately-12'),
  ...over
})

const snmpdUser = (name: string, authentication: string, privacy: string) => ({
  name,
  authentication,
  authenticationKey: 'authentic-12',
  privacy,
  privacyKey: 'privately-12'
})

t.test('an agent that looks like a BIG-IP is told by version 2c', { skip }, async (t) => {
  const { port, stop } = await startSnmpd({ ...bigIp, name: 'lb-1.test', community: 'c0mmunity' })
  t.teardown(stop)
  const found = await identify({ address: '127.0.0.1', port, credentials: community('c0mmunity') }, deps)
  t.same(found, {
    outcome: 'identified',
    objectId: '1.3.6.1.4.1.3375.2.1.3.4.43',
    description: 'BIG-IP software release 16.1.4',
    name: 'lb-1.test',
    serial: null,
    product: 'F5 BIG-IP',
    version: null,
    failover: null,
    sync: null
  })
  const wrong = await identify({ address: '127.0.0.1', port, credentials: community('public') }, deps)
  t.same(wrong, { outcome: 'silent' }, 'a wrong community is not answered')
})

t.test('the serial number is that of the product, else of the entity table', { skip }, async (t) => {
  const texts = {
    '1.3.6.1.2.1.47.1.1.1.1.11.1': '',
    '1.3.6.1.2.1.47.1.1.1.1.11.2': 'ENTITY-2',
    '1.3.6.1.4.1.3375.2.1.3.3.3.0': 'F5-CHASSIS-1'
  }
  const one = await startSnmpd({ ...bigIp, community: 'c0mmunity', texts })
  t.teardown(one.stop)
  const other = await startSnmpd({ objectId: '.1.3.6.1.4.1.5951.1', community: 'c0mmunity', texts })
  t.teardown(other.stop)
  const credentials = community('c0mmunity')
  t.match(await identify({ address: '127.0.0.1', port: one.port, credentials }, deps), {
    product: 'F5 BIG-IP',
    serial: 'F5-CHASSIS-1'
  })
  t.match(await identify({ address: '127.0.0.1', port: other.port, credentials }, deps), {
    product: 'Citrix ADC (NetScaler)',
    serial: 'ENTITY-2'
  })
})

t.test('an agent of another vendor is identified without a product', { skip }, async (t) => {
  const { port, stop } = await startSnmpd({ community: 'c0mmunity' })
  t.teardown(stop)
  const found = await identify({ address: '127.0.0.1', port, credentials: community('c0mmunity') }, deps)
  t.match(found, {
    outcome: 'identified',
    objectId: /^1\.3\.6\.1\.4\.1\.8072\.3\.2\./,
    product: null,
    serial: null
  })
})

t.test('version 3 with authPriv: every digest and cipher that is offered', { skip }, async (t) => {
  const digests = ['SHA', 'SHA-224', 'SHA-256', 'SHA-384', 'SHA-512'] as const
  const users = [
    ...digests.map((digest) => snmpdUser(`reader-${digest}`, digest, 'AES')),
    snmpdUser('reader-256', 'SHA-512', 'AES-256'),
    snmpdUser('reader-256C', 'SHA-256', 'AES-256-C')
  ]
  const { port, stop } = await startSnmpd({ ...bigIp, users })
  t.teardown(stop)
  const ask = (credentials: SnmpCredentials) => identify({ address: '127.0.0.1', port, credentials }, deps)
  for (const authentication of digests) {
    const found = await ask(user({ user: `reader-${authentication}`, authentication }))
    t.match(found, { outcome: 'identified', product: 'F5 BIG-IP' }, authentication)
  }
  const blumenthal = user({ user: 'reader-256', authentication: 'SHA-512', privacy: 'AES-256-Blumenthal' })
  const reeder = user({ user: 'reader-256C', privacy: 'AES-256-Reeder' })
  t.match(await ask(blumenthal), { outcome: 'identified' }, 'AES-256')
  t.match(await ask(reeder), { outcome: 'identified' }, 'AES-256 as Cisco has it')
})

t.test('version 3 says what is wrong with the credentials', { skip }, async (t) => {
  const { port, stop } = await startSnmpd({ ...bigIp, users: [snmpdUser('reader', 'SHA-256', 'AES')] })
  t.teardown(stop)
  const ask = (credentials: SnmpCredentials) => identify({ address: '127.0.0.1', port, credentials }, deps)
  t.match(await ask(user()), { outcome: 'identified' })
  t.same(await ask(user({ user: 'nobody' })), { outcome: 'refused', why: 'user' })
  const wrongKey = user({ authenticationKey: new Secret('authentic-13') })
  t.same(await ask(wrongKey), { outcome: 'refused', why: 'authentication' })
  t.same(await ask(user({ authentication: 'SHA-512' })), { outcome: 'refused', why: 'authentication' })
  const wrongPrivacy = await ask(user({ privacyKey: new Secret('privately-13') }))
  t.ok(['silent', 'refused'].includes(wrongPrivacy.outcome), JSON.stringify(wrongPrivacy))
  t.same(await ask(community('c0mmunity')), { outcome: 'silent' })
  await t.rejects(ask(user({ privacyKey: new Secret('short') })), {
    code: 'option-malformed',
    message: /privacy key: it is too short/
  })
})

t.test('an agent on IPv6 answers as well', { skip }, async (t) => {
  const { port, stop } = await startSnmpd({ ...bigIp, host: '::1', community: 'c0mmunity' })
  t.teardown(stop)
  const found = await identify({ address: '::1', port, credentials: community('c0mmunity') }, deps)
  t.match(found, { outcome: 'identified', product: 'F5 BIG-IP' })
})

t.test('a port without an agent is unreachable, at once', async (t) => {
  const port = await freePort()
  for (const credentials of [community('c0mmunity'), user()]) {
    const found = await identify({ address: '127.0.0.1', port, credentials }, deps)
    t.same(found, { outcome: 'unreachable', why: 'ECONNREFUSED' })
  }
})

t.test('a range is asked whole, but for what is excluded', { skip }, async (t) => {
  const { port, stop } = await startSnmpd({ ...bigIp, host: '127.0.0.9', community: 'c0mmunity' })
  t.teardown(stop)
  const range = { first: address('127.0.0.1'), last: address('127.0.0.40') }
  const excluded = address('127.0.0.7')
  const found: Identified[] = []
  const wishes = {
    credentials: community('c0mmunity'),
    port,
    atOnce: 4,
    perSecond: 1_000,
    isExcluded: (one: number | bigint) => one === excluded
  }
  for await (const one of identifyRange(range, wishes, deps)) found.push(one)
  t.equal(found.length, 39)
  t.notOk(found.some((one) => one.address === '127.0.0.7'))
  t.same(
    found.filter(({ identification }) => identification.outcome === 'identified').map((one) => one.address),
    ['127.0.0.9']
  )
  t.match(found.at(-1), { done: 40, total: 40 })
  t.ok(
    found.every(({ done }, at) => at === 0 || done > (found[at - 1]?.done ?? 0)),
    'progress only grows'
  )
})

function address(text: string) {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new Error(text)
  return parsed
}
