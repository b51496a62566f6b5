import t from 'tap'
import { openTrustStore } from '../../pki/trust-store.ts'
import { ca, check, expired, future, kinds, leafOf, middle, print, root, stranger } from './pki-chains.ts'
import {
  ascii,
  attribute,
  authorityKeyId,
  bits,
  boolean,
  caExtensions,
  commonName,
  element,
  extension,
  forge,
  integer,
  newKeys,
  rdn,
  sequence,
  set,
  type Forged
} from './pki-forge.ts'

t.test('an intermediate out of its time breaks the chain', (t) => {
  const old = ca('old', root, expired)
  const report = check([leafOf(old), old])
  t.match(report, { verdict: 'broken', complete: true, root: print(root) })
  t.strictSame(report.facts, [
    {
      kind: 'expired',
      fingerprint: print(old),
      subject: 'CN=old',
      role: 'intermediate',
      at: Date.UTC(2025, 0, 1)
    }
  ])
  const early = ca('early', root, future)
  t.strictSame(kinds(check([leafOf(early), early])), ['not-yet-valid'])
  t.strictSame(kinds(check([leafOf(early), early], { now: Date.UTC(2031, 0, 1) })), [])
  t.end()
})

t.test('an expired root breaks the chain, an expired leaf is not the matter of the chain', (t) => {
  const old = ca('old root', undefined, expired)
  t.match(check([leafOf(old)], { roots: openTrustStore([old.der]) }), {
    verdict: 'broken',
    facts: [{ kind: 'expired', role: 'root' }]
  })
  t.match(check([leafOf(middle, expired), middle]), { verdict: 'trusted', facts: [] })
  t.end()
})

t.test('an issuer must be a CA that may sign certificates', (t) => {
  const keys = newKeys()
  const plain = forge({ subject: commonName('no ca'), keys, issuer: root })
  t.match(check([leafOf(plain), plain]), {
    verdict: 'broken',
    facts: [{ kind: 'not-a-ca', subject: 'CN=no ca' }]
  })
  const usage = extension('2.5.29.15', bits(Buffer.of(0x80), 7), true)
  const authority = extension('2.5.29.19', sequence(boolean(255)), true)
  const mute = forge({ subject: commonName('mute'), keys, issuer: root, extensions: [authority, usage] })
  t.match(check([leafOf(mute), mute]), {
    verdict: 'broken',
    facts: [{ kind: 'may-not-sign', subject: 'CN=mute' }]
  })
  t.end()
})

t.test('a root of version 1 is a CA, an intermediate of version 1 is none', (t) => {
  const keys = newKeys()
  const old = forge({ version: null, subject: commonName('v1'), keys })
  t.match(check([leafOf(old)], { roots: openTrustStore([old.der]) }), { verdict: 'trusted', facts: [] })
  const between = forge({ version: null, subject: commonName('v1'), keys, issuer: root })
  t.strictSame(kinds(check([leafOf(between), between])), ['not-a-ca'])
  t.end()
})

t.test('a path length counts the intermediates below, self-issued ones not', (t) => {
  const tight = ca('tight', root, { pathLength: 0 })
  t.match(check([leafOf(tight), tight]), { verdict: 'trusted' })
  const below = ca('below', tight)
  t.match(check([leafOf(below), below, tight]), {
    verdict: 'broken',
    facts: [{ kind: 'path-too-long', subject: 'CN=tight', allowed: 0, found: 1 }]
  })
  const rollover = ca('tight', tight)
  t.match(check([leafOf(rollover), rollover, tight]), { verdict: 'trusted', facts: [] })
  t.end()
})

t.test('a certificate that names another key as its issuer breaks the chain', (t) => {
  const wrong = forge({
    subject: commonName('www.example.org'),
    keys: newKeys(),
    issuer: middle,
    extensions: [authorityKeyId(stranger.publicKey)]
  })
  t.match(check([wrong, middle]), {
    verdict: 'broken',
    facts: [{ kind: 'key-id-mismatch', fingerprint: print(wrong), issuerFingerprint: print(middle) }]
  })
  const byNumber = (name: Uint8Array, serial: number[]) => {
    const value = sequence(element(0xa1, element(0xa4, name)), element(0x82, serial))
    return forge({ keys: newKeys(), issuer: root, extensions: [extension('2.5.29.35', value)] })
  }
  t.strictSame(kinds(check([byNumber(root.name, [0x4a, 0x01])])), [])
  t.strictSame(kinds(check([byNumber(root.name, [0x4a, 0x02])])), ['key-id-mismatch'])
  t.strictSame(kinds(check([byNumber(stranger.name, [0x4a, 0x01])])), ['key-id-mismatch'])
  t.end()
})

t.test('name constraints are noted, and DNS names and addresses are held to them', (t) => {
  const constrained = (permitted: Uint8Array[], excluded: Uint8Array[]) => {
    const trees = (tag: number, names: Uint8Array[]) =>
      names.length === 0 ? Buffer.alloc(0) : element(tag, ...names.map((name) => sequence(name)))
    const value = sequence(trees(0xa0, permitted), trees(0xa1, excluded))
    return ca('constrained', root, { extensions: [extension('2.5.29.30', value, true)] })
  }
  const dns = (text: string) => ascii(0x82, text)
  const ip = (...bytes: number[]) => element(0x87, bytes)
  const cases: readonly (readonly [what: string, issuer: Forged, outside: string[]])[] = [
    ['below what is permitted', constrained([dns('example.org')], []), []],
    ['the name itself', constrained([dns('WWW.example.org')], []), []],
    ['another name', constrained([dns('example.com'), dns('ample.org')], []), ['www.example.org']],
    ['everything is permitted', constrained([dns('')], []), []],
    ['excluded', constrained([dns('example.org')], [dns('www.example.org')]), ['www.example.org']],
    ['something else is excluded', constrained([], [dns('ftp.example.org')]), []],
    ['names below a leading dot', constrained([dns('.example.org')], []), []],
    ['addresses only', constrained([ip(10, 0, 0, 0, 255, 0, 0, 0)], []), []]
  ]
  for (const [what, issuer, outside] of cases) {
    const report = check([leafOf(issuer), issuer])
    t.match(report.facts[0], { kind: 'name-constrained', subject: 'CN=constrained', checked: true }, what)
    t.equal(report.verdict, outside.length === 0 ? 'trusted' : 'broken', what)
    if (outside.length > 0) t.match(report.facts[1], { kind: 'name-not-permitted', names: outside }, what)
    else t.equal(report.facts.length, 1, what)
  }
  const addressed = (issuer: Forged) =>
    forge({
      keys: newKeys(),
      issuer,
      extensions: [
        extension(
          '2.5.29.17',
          sequence(ip(10, 1, 2, 3), ip(...Buffer.from('20010db8000000000000000000000001', 'hex')))
        )
      ]
    })
  const net = constrained(
    [
      ip(10, 0, 0, 0, 255, 0, 0, 0),
      ip(...Buffer.from('20010db8'.padEnd(32, '0') + 'ffffffff'.padEnd(32, '0'), 'hex'))
    ],
    []
  )
  t.match(check([addressed(net), net]), { verdict: 'trusted' })
  const otherNet = constrained([ip(10, 2, 0, 0, 255, 255, 0, 0)], [])
  t.match(check([addressed(otherNet), otherNet]).facts[1], { names: ['10.1.2.3', '2001:db8::1'] })
  const mail = constrained([ascii(0x81, 'example.org')], [])
  t.match(check([leafOf(mail), mail]), {
    verdict: 'trusted',
    facts: [{ kind: 'name-constrained', checked: false }]
  })
  const broken = ca('broken', root, { extensions: [extension('2.5.29.30', integer(1), true)] })
  t.match(check([leafOf(broken), broken]).facts[1], {
    kind: 'name-not-permitted',
    names: ['www.example.org']
  })
  t.end()
})

t.test('a server cannot make the check of name constraints take long', (t) => {
  const many = (prefix: string) =>
    Array.from({ length: 2_000 }, (_, at) => ascii(0x82, `${prefix}${at.toString(36)}`))
  const value = sequence(element(0xa1, ...many('b').map((name) => sequence(name))))
  const issuer = ca('greedy', root, { extensions: [extension('2.5.29.30', value, true)] })
  const leaf = forge({
    keys: newKeys(),
    issuer,
    extensions: [extension('2.5.29.17', sequence(...many('a')))]
  })
  const report = check([leaf, issuer])
  t.equal(report.verdict, 'broken', 'clients refuse what they cannot check')
  t.match(report.facts, [
    { kind: 'name-constrained', checked: false },
    { kind: 'name-not-permitted', names: [] }
  ])
  t.end()
})

t.test('names are equal by RFC 5280, whatever their string types, case and spaces', (t) => {
  const upper = sequence(rdn('2.5.4.10', ascii(0x13, 'ACME  Ltd ')), rdn('2.5.4.3', 'Root'))
  const lower = sequence(
    rdn('2.5.4.10', 'Acme Ltd'),
    rdn('2.5.4.3', element(0x1e, Buffer.from('root', 'utf16le').swap16()))
  )
  const keys = newKeys()
  const typed = forge({ subject: upper, keys, extensions: caExtensions(keys) })
  const end = leafOf({ ...typed, name: lower })
  t.match(check([end], { roots: openTrustStore([typed.der]) }), { verdict: 'trusted', facts: [] })
  const parts = [attribute('2.5.4.3', 'a'), attribute('2.5.4.11', 'b')]
  const multi = forge({ subject: sequence(set(...parts)), keys, extensions: caExtensions(keys) })
  const turned = leafOf({ ...multi, name: sequence(set(...parts.toReversed())) })
  t.match(check([turned], { roots: openTrustStore([multi.der]) }), { verdict: 'trusted', facts: [] })
  const other = leafOf({ ...multi, name: sequence(...parts.map((part) => set(part))) })
  t.match(check([other], { roots: openTrustStore([multi.der]) }), { verdict: 'incomplete' })
  t.end()
})
