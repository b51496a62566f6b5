import * as fc from 'fast-check'
import t from 'tap'
import { Secret } from '../../core/secret.ts'
import {
  changed,
  closures,
  type Entry,
  entryBody,
  holderOf,
  profileOf
} from '../../connectors/f5-bigip/profiles.ts'
import { formerEntries, isFresh, type PairChange } from '../../connectors/f5-bigip/facts.ts'

const profile = (name: string, more: object = {}) =>
  profileOf({ name, fullPath: `/Common/${name}`, defaultsFrom: '/Common/clientssl', ...more })

t.test('a closure holds every profile that shows the pairs of another, however far below', (t) => {
  const all = [
    profile('clientssl', { defaultsFrom: 'none' }),
    profile('shop', { inheritCertkeychain: 'false' }),
    profile('shop-child', { defaultsFrom: '/Common/shop', inheritCertkeychain: 'true' }),
    profile('shop-grandchild', { defaultsFrom: '/Common/shop-child', inheritCertkeychain: 'true' }),
    profile('own-child', { defaultsFrom: '/Common/shop', inheritCertkeychain: 'false' }),
    profile('below-own', { defaultsFrom: '/Common/own-child', inheritCertkeychain: 'true' })
  ]
  const found = [...closures(all)].map(([holder, members]) => [holder, members.map((one) => one.fullPath)])
  t.strictSame(
    found.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    [
      ['/Common/clientssl', ['/Common/clientssl']],
      ['/Common/own-child', ['/Common/own-child', '/Common/below-own']],
      ['/Common/shop', ['/Common/shop', '/Common/shop-child', '/Common/shop-grandchild']]
    ]
  )
  t.end()
})

t.test('every profile is in one closure, also where parents are missing or go in a circle', (t) => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const one = fc.record({ parent: fc.constantFrom(...names, 'gone'), inherits: fc.boolean() })
  fc.assert(
    fc.property(fc.array(one, { minLength: names.length, maxLength: names.length }), (shape) => {
      const all = shape.map(({ parent, inherits }, at) =>
        profile(names[at] ?? '', { defaultsFrom: `/Common/${parent}`, inheritCertkeychain: String(inherits) })
      )
      const members = [...closures(all).values()].flat().map(({ fullPath }) => fullPath)
      t.strictSame(
        [...new Set(members)].toSorted(),
        names.map((name) => `/Common/${name}`)
      )
    }),
    { numRuns: 200 }
  )
  t.end()
})

t.test('who inherits without a parent that is shown to us holds what it shows', (t) => {
  const orphan = profile('orphan', { defaultsFrom: '/Hidden/x', inheritCertkeychain: 'true' })
  t.equal(holderOf(orphan, new Map([[orphan.fullPath, orphan]])), orphan)
  t.end()
})

const entry = (name: string, more: Partial<Entry> = {}): Entry => ({
  name,
  cert: `/Common/${name}.crt`,
  key: `/Common/${name}.key`,
  chain: null,
  usage: 'SERVER',
  hasPassphrase: false,
  ...more
})

const secret = new Secret('demo-Phrase-1')

t.test('a changed list keeps every other entry, its passphrase and its order', (t) => {
  const entries = [entry('rsa'), entry('ecdsa', { hasPassphrase: true, chain: '/Common/ca.crt' })]
  const now = changed(entries, [{ name: 'rsa', cert: '/Common/n.crt', key: '/Common/n.key', chain: null }])
  t.strictSame(
    now.map((one) => entryBody(one, secret)),
    [
      { name: 'rsa', cert: '/Common/n.crt', key: '/Common/n.key', chain: 'none', usage: 'SERVER' },
      {
        name: 'ecdsa',
        cert: '/Common/ecdsa.crt',
        key: '/Common/ecdsa.key',
        chain: '/Common/ca.crt',
        usage: 'SERVER',
        passphrase: secret
      }
    ]
  )
  t.end()
})

const freshName = fc.constantFrom('rsa', 'ecdsa', 'third')
t.test('what is changed and taken back is what was there', (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(freshName), fc.uniqueArray(freshName), (there, replaced) => {
      const entries = there.map((name) => entry(name, { hasPassphrase: true }))
      const changes: PairChange[] = replaced.map((name) => ({
        family: 'rsa',
        entry: name,
        former: entries.find((one) => one.name === name) ?? null,
        fresh: { cert: `/Common/new-${name}.crt`, key: `/Common/new-${name}.key`, chain: '/Common/c.crt' },
        line: { partition: 'Common', base: name }
      }))
      const now = changed(
        entries,
        changes.map(({ entry, fresh }) => ({ name: entry, ...fresh }))
      )
      t.ok(changes.every((change) => now.some((one) => isFresh(one, change))))
      t.strictSame(formerEntries(now, changes), entries)
      t.strictSame(formerEntries(entries, changes), entries, 'also when nothing was changed')
    }),
    { numRuns: 200 }
  )
  t.end()
})
