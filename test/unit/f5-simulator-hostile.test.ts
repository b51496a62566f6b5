import * as fc from 'fast-check'
import t from 'tap'
import { isObject, type JsonObject } from '../simulators/f5-bigip/json.ts'
import { Refusal } from '../simulators/f5-bigip/refusal.ts'
import { ask, startSite } from './f5-simulator-world.ts'

const paths = [
  'sys/file/ssl-cert',
  'sys/file/ssl-cert/~Common~shop.crt',
  'sys/file/ssl-key',
  'sys/crypto/cert',
  'sys/crypto/key',
  'sys/crypto/csr',
  'sys/crypto/pkcs12',
  'ltm/profile/client-ssl',
  'ltm/profile/client-ssl/~Common~child',
  'ltm/profile/server-ssl',
  'ltm/virtual',
  'ltm/virtual/~Common~vs-plain',
  'ltm/virtual/~Common~vs-plain/profiles',
  'auth/partition',
  'sys/folder',
  'sys/config',
  'sys/httpd',
  'cm',
  'util/unix-rm',
  'util/bash',
  'transaction',
  'transaction/1'
] as const

const names = [
  'name',
  'partition',
  'subPath',
  'sourcePath',
  'command',
  'utilCmdArgs',
  'certKeyChain',
  'cert',
  'key',
  'chain',
  'defaultsFrom',
  'profiles',
  'destination',
  'enabled',
  'options',
  'state',
  'keySize',
  'serverName'
]
const values = fc.oneof(
  fc.constantFrom<unknown>(
    'install',
    'run',
    'save',
    'shop',
    '/Common/shop.crt',
    '/Common/shop.key',
    '127.0.4.1:1',
    'none'
  ),
  fc.jsonValue(),
  fc.array(fc.dictionary(fc.constantFrom(...names), fc.jsonValue()))
)
const bodies = fc.dictionary(fc.constantFrom(...names), values)

t.test('whatever is sent is answered or refused, and never breaks the unit', async (t) => {
  const { unit } = await startSite()
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('POST', 'PUT', 'PATCH', 'DELETE'),
      fc.constantFrom(...paths),
      bodies,
      async (method, path, body) => {
        const answer = await unit.act(method, path, body as JsonObject).catch((thrown: unknown) => thrown)
        return answer === null || isObject(answer) || answer instanceof Refusal
      }
    ),
    { numRuns: 1500 }
  )
  t.equal((await ask(unit, 'GET', 'ltm/virtual?expandSubcollections=true')).status, 200)
  await unit.stop()
})

t.test('any path and query is answered', async () => {
  const { unit } = await startSite()
  const segment = fc.oneof(
    fc.constantFrom('ltm', 'sys', 'virtual', 'profile', '~Common~x', '~', '%7E', '..'),
    fc.webSegment()
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(segment, { maxLength: 5 }),
      fc.webQueryParameters(),
      async (segments, query) => {
        const { status, json } = await ask(unit, 'GET', `/mgmt/tm/${segments.join('/')}?${query}`)
        return [200, 400, 404].includes(status) && (status === 200 || json['code'] === status)
      }
    ),
    { numRuns: 150 }
  )
  await unit.stop()
})
