import t from 'tap'
import { certificateOf } from '../../connectors/f5-bigip/certificates.ts'
import {
  isInUse,
  isMissing,
  isThere,
  isTokenGone,
  meaningOf,
  refused
} from '../../connectors/f5-bigip/faults.ts'
import { chainHolder, checksumOf, isOfLine, lineOf, newObjects } from '../../connectors/f5-bigip/objects.ts'
import { hindrance, readSyncStatus } from '../../connectors/f5-bigip/sync.ts'
import { tenantsIn } from '../../connectors/f5-bigip/survey.ts'

const sync = (status: string, details: readonly string[] = [], spelt = 'syncStatus') => ({
  entries: {
    'https://localhost/mgmt/tm/cm/sync-status/0': {
      nestedStats: {
        entries: {
          color: { description: 'yellow' },
          status: { description: status },
          [`https://localhost/mgmt/tm/cm/${spelt}/0/details`]: {
            nestedStats: {
              entries: Object.fromEntries(
                details.map((line, at) => [
                  `https://localhost/mgmt/tm/cm/${spelt}/0/details/${at}`,
                  { nestedStats: { entries: { details: { description: line } } } }
                ])
              )
            }
          }
        }
      }
    }
  }
})

t.test('the status of a pair is read in both spellings, with the unit that is ahead', (t) => {
  const details = ['dg (Changes Pending): ', ' - Recommended action: Synchronize /Common/bigip2 to group dg']
  for (const spelt of ['syncStatus', 'sync-status']) {
    t.strictSame(readSyncStatus(sync('Changes Pending', details, spelt)), {
      state: 'pending',
      words: 'Changes Pending',
      ahead: ['bigip2'],
      isConflict: false
    })
  }
  t.strictSame(readSyncStatus({}), { state: 'unknown', words: '', ahead: [], isConflict: false })
  const both = 'There is a possible change conflict between bigip1 and bigip2.'
  t.equal(readSyncStatus(sync('Changes Pending', [both])).isConflict, true)
  t.equal(readSyncStatus(sync('In Sync')).state, 'in-sync')
  t.equal(readSyncStatus(sync('Standalone')).state, 'standalone')
  t.end()
})

t.test('nothing is written while units differ, and the reason says whose turn it is', (t) => {
  const rows = [
    ['In Sync', null],
    ['Standalone', null],
    ['Changes Pending', 'device-busy'],
    ['Not All Devices Synced', 'device-busy'],
    ['Syncing', 'device-busy'],
    ['Disconnected', 'device-unreachable'],
    ['Sync Failure', 'device-broken'],
    ['Awaiting Initial Sync', 'device-broken'],
    ['Something new', 'device-broken']
  ] as const
  for (const [status, code] of rows) {
    t.equal(hindrance(readSyncStatus(sync(status)))?.code ?? null, code, status)
  }
  t.end()
})

t.test('refusals of every layer have a meaning', (t) => {
  const rows = [
    [400, 'user 6ad2 has reached maximum active login tokens', 'device-busy'],
    [401, 'Authorization failed: user=x resource=/mgmt/tm/util/unix-rm verb=POST', 'device-right'],
    [401, undefined, 'device-busy'],
    [403, '01070822:3: Access Denied: User (x) may not change it', 'device-right'],
    [404, '01020036:3: The requested Certificate File (/Common/x.crt) was not found.', 'device-changed'],
    [404, 'Public URI path not registered', 'device-busy'],
    [400, '01070277:3: The requested key (/Common/x.key) was not found.', 'device-changed'],
    [400, "01070317:3: profile /Common/p's key and certificate do not match", 'device-refused'],
    [
      400,
      '01070712:3: The application service must be updated using an application management interface',
      'device-managed-elsewhere'
    ],
    [503, 'There is an active asynchronous task executing', 'device-busy'],
    [503, undefined, 'device-busy'],
    [200, undefined, 'device-busy'],
    [500, 'AsyncContext timeout', 'device-busy'],
    [500, 'No space left on device', 'device-full'],
    [415, 'Unsupported media type', 'device-malformed'],
    [302, 'elsewhere', 'device-malformed']
  ] as const
  for (const [status, message, code] of rows) {
    t.equal(meaningOf({ status, message }).code, code, `${status} ${message ?? 'a page'}`)
  }
  t.end()
})

t.test('what is expected of a refusal is told apart', (t) => {
  const exists =
    '01020066:3: The requested Certificate File (/Common/x.crt) already exists in partition Common.'
  t.ok(isThere({ status: 409, message: exists }))
  t.ok(isInUse({ status: 400, message: '01071349:3: File object by name (/Common/x.crt) is in use.' }))
  t.ok(isMissing({ status: 404, message: 'Object not found - /Common/x' }))
  t.notOk(isMissing({ status: 404, message: 'Public URI path not registered' }), 'a path, not an object')
  t.notOk(isMissing({ status: 404, message: undefined }), 'Apache knows of no objects')
  t.ok(isTokenGone({ status: 401, message: 'X-F5-Auth-Token has expired.' }))
  t.ok(isTokenGone({ status: 401, message: 'X-F5-Auth-Token does not exist.' }))
  t.ok(isTokenGone({ status: 401, message: undefined }), 'Apache could not have it checked')
  t.notOk(isTokenGone({ status: 401, message: 'Authorization failed: no access' }))
  t.end()
})

t.test('what was sent as a secret is not repeated from the words of a refusal', (t) => {
  const asked = { unit: 'The BIG-IP at 10.0.0.5:443', what: 'take the upload x', isSecret: true }
  const fault = refused(asked, { status: 400, message: 'MIIEvQIBADANBgkq broken' })
  t.notMatch(fault.message, /MIIEv/)
  const echoed = refused(
    { ...asked, isSecret: false },
    { status: 400, message: '-----BEGIN PRIVATE KEY-----' }
  )
  t.notMatch(echoed.message, /BEGIN/)
  t.end()
})

t.test('new objects follow the line of what they replace, and only its own are of it', (t) => {
  const line = lineOf('/Prod/www.shop.crt')
  t.strictSame(line, { partition: 'Prod', base: 'www.shop' })
  const { cert, key } = newObjects(line, 'rsa')
  t.equal(cert, '/Prod/tlsward-www.shop-{new-rsa}.crt')
  const made = key.replace('{new-rsa}', '00112233aabbccdd')
  t.strictSame(lineOf(made), line, 'the line goes on')
  t.ok(isOfLine(line, made))
  t.notOk(isOfLine(line, '/Prod/tlsward-www.shop-eu-00112233aabbccdd.key'))
  t.notOk(isOfLine(line, '/Common/tlsward-www.shop-00112233aabbccdd.key'), 'another partition')
  t.notOk(isOfLine(line, '/Prod/www.shop.key'))
  const odd = lineOf(`/Common/a b/ü${'x'.repeat(200)}.pem`)
  t.match(odd.base, /^[A-Za-z0-9_.-]{1,80}$/)
  t.end()
})

t.test('a chain that the device holds is found by its bytes, where the profile may name it', (t) => {
  const chain = '-----BEGIN CERTIFICATE-----\nü\n'
  const at = (fullPath: string) =>
    certificateOf({ name: 'x', fullPath, checksum: checksumOf(chain), keyType: 'rsa-public' })
  t.equal(checksumOf(chain).split(':')[1], String(Buffer.byteLength(chain)), 'counted in bytes')
  const held = [at('/Other/ca.crt'), at('/Prod/ca.crt'), at('/Common/z.crt')]
  t.equal(chainHolder(held, chain, 'Prod'), '/Common/z.crt')
  t.equal(chainHolder(held, chain, 'Other'), '/Common/z.crt')
  t.equal(chainHolder(held.slice(0, 1), chain, 'Prod'), undefined)
  t.equal(chainHolder(held, `${chain}x`, 'Prod'), undefined)
  t.end()
})

t.test('certificates are read with their names and their kind', (t) => {
  const fingerprint = `SHA256/${Array.from({ length: 32 }, () => 'AB').join(':')}`
  t.match(
    certificateOf({
      name: 'x.crt',
      fullPath: '/Common/x.crt',
      keyType: 'ec-public',
      fingerprint,
      subjectAlternativeName: 'DNS:A.test, DNS:*.b.test, IP Address:2001:DB8:0:0:0:0:0:1',
      expirationDate: 2_000_000_000
    }),
    {
      family: 'ecdsa',
      fingerprint: 'ab'.repeat(32),
      names: ['a.test', '*.b.test', '2001:db8::1'],
      notAfter: 2_000_000_000_000,
      partition: 'Common'
    }
  )
  const bare = certificateOf({
    name: 'y',
    fullPath: '/P/y',
    subject: 'CN=www.c.test,OU=x',
    keyType: 'dsa-public'
  })
  t.match(bare, { fingerprint: null, names: ['www.c.test'], family: 'other', partition: 'P' })
  t.end()
})

t.test('texts as long as they may be are read, whatever a device makes them of', (t) => {
  const spaces = ' '.repeat(256 * 1024)
  const namesOf = (subjectAlternativeName: string) =>
    certificateOf({ name: 'a', fullPath: '/Common/a', subjectAlternativeName }).names
  t.same(namesOf(spaces), [])
  t.same(namesOf(`DNS:${spaces}x`), ['x'])
  t.equal(meaningOf({ status: 400, message: 'save '.repeat(50_000) }).code, 'device-refused')
  t.end()
})

t.test('tenants of AS3 are found in every form of its answer', (t) => {
  const declared = {
    class: 'ADC',
    Prod: { class: 'Tenant', app: {} },
    label: 'x',
    controls: { class: 'Controls' }
  }
  t.strictSame(tenantsIn(declared), ['Prod'])
  t.strictSame(tenantsIn({ class: 'AS3', declaration: declared }), ['Prod'])
  t.strictSame(tenantsIn([{ declaration: declared }]), ['Prod'])
  t.strictSame(tenantsIn(undefined), [])
  t.end()
})
