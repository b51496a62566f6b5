import t from 'tap'
import { checkChain, type ChainQuestion, type ChainReport } from '../../pki/chain.ts'
import type { ChainFact } from '../../pki/chain-facts.ts'
import { readCertificate } from '../../pki/quick.ts'
import { openTrustStore } from '../../pki/trust-store.ts'
import {
  ascii,
  authorityKeyId,
  bits,
  boolean,
  caExtensions,
  commonName,
  dnsNames,
  element,
  extension,
  forge,
  type Forged,
  integer,
  keyIdOf,
  newKeys,
  rdn,
  type Recipe,
  sequence,
  utcTime
} from './pki-forge.ts'

const now = Date.UTC(2026, 5, 1)
const expired = { notBefore: utcTime('200101000000Z'), notAfter: utcTime('250101000000Z') }
const future = { notBefore: utcTime('300101000000Z') }

function ca(name: string, issuer?: Forged, more: Recipe & { pathLength?: number } = {}): Forged {
  const keys = more.keys ?? newKeys()
  const extensions = [
    ...caExtensions(keys, more.pathLength),
    ...(issuer ? [authorityKeyId(issuer.publicKey)] : []),
    ...(more.extensions ?? [])
  ]
  return forge({ subject: commonName(name), keys, ...(issuer ? { issuer } : {}), ...more, extensions })
}

function leafOf(issuer: Forged, more: Recipe = {}): Forged {
  const extensions = [
    authorityKeyId(issuer.publicKey),
    dnsNames('www.example.org'),
    ...(more.extensions ?? [])
  ]
  return forge({ subject: commonName('www.example.org'), keys: newKeys(), issuer, ...more, extensions })
}

const root = ca('root')
const middle = ca('middle', root)
const leaf = leafOf(middle)
const stranger = ca('stranger')
const roots = openTrustStore([stranger.der, root.der])

function check(served: readonly Forged[], more: Partial<ChainQuestion> = {}): ChainReport {
  return checkChain({ served: served.map(({ der }) => der), roots, now, ...more })
}

const kinds = ({ facts }: ChainReport): ChainFact['kind'][] => facts.map(({ kind }) => kind)
const print = ({ der }: Forged): string => readCertificate(der).fingerprint

t.test('a whole chain in order is trusted, and nothing is said about it', (t) => {
  t.strictSame(check([leaf, middle]), {
    verdict: 'trusted',
    complete: true,
    ordered: true,
    path: [
      { fingerprint: print(leaf), subject: 'CN=www.example.org', position: 0 },
      { fingerprint: print(middle), subject: 'CN=middle', position: 1 },
      { fingerprint: print(root), subject: 'CN=root', position: null }
    ],
    root: print(root),
    facts: []
  })
  t.end()
})

t.test('a leaf that a root has signed needs no intermediate', (t) => {
  t.match(check([leafOf(root)]), { verdict: 'trusted', complete: true, facts: [] })
  t.end()
})

t.test('a trusted certificate is the end of the path, whatever it is', (t) => {
  const selfSigned = forge({ keys: newKeys() })
  t.match(check([selfSigned], { roots: openTrustStore([selfSigned.der]) }), {
    verdict: 'trusted',
    root: print(selfSigned),
    facts: []
  })
  const report = check([leaf, middle], { roots: openTrustStore([middle.der]) })
  t.match(report, { verdict: 'trusted', root: print(middle) })
  t.equal(report.path.length, 2)
  t.end()
})

t.test('a missing intermediate is named, with where it can be had', (t) => {
  const url = 'http://ca.example/middle.cer'
  const access = extension(
    '1.3.6.1.5.5.7.1.1',
    sequence(sequence(Buffer.from('06082b06010505073002', 'hex'), ascii(0x86, url)))
  )
  const alone = leafOf(middle, { extensions: [access] })
  const report = check([alone])
  t.match(report, { verdict: 'incomplete', complete: false, ordered: true, root: null })
  t.strictSame(report.facts, [
    {
      kind: 'incomplete',
      fingerprint: print(alone),
      subject: 'CN=www.example.org',
      role: 'leaf',
      issuer: 'CN=middle',
      authorityKeyId: keyIdOf(middle.publicKey).toString('hex'),
      issuerUrls: [url]
    }
  ])
  t.end()
})

t.test('a chain whose root is unknown and not served is incomplete above the intermediate', (t) => {
  const report = check([leaf, middle], { roots: openTrustStore([]) })
  t.match(report, {
    verdict: 'incomplete',
    facts: [{ kind: 'incomplete', role: 'intermediate', issuer: 'CN=root' }]
  })
  t.equal(report.path.length, 2)
  t.end()
})

t.test('a wrong order is told with the right one', (t) => {
  const lower = ca('lower', middle)
  const end = leafOf(lower)
  t.match(check([end, lower, middle]), { verdict: 'trusted', ordered: true, facts: [] })
  const report = check([end, middle, lower])
  t.match(report, { verdict: 'trusted', complete: true, ordered: false })
  t.strictSame(report.facts, [{ kind: 'wrong-order', expected: [end, lower, middle].map(print) }])
  t.end()
})

t.test('what is served without need is told: a root, a repeated and an unrelated certificate', (t) => {
  t.strictSame(check([leaf, middle, root]).facts, [
    { kind: 'root-sent', fingerprint: print(root), subject: 'CN=root', position: 2 }
  ])
  const report = check([leaf, stranger, middle, middle])
  t.match(report, { verdict: 'trusted', ordered: true })
  t.strictSame(kinds(report), ['unrelated', 'repeated'])
  t.end()
})

t.test('a served root that nobody trusts makes no trust', (t) => {
  const report = check([leaf, middle, root], { roots: openTrustStore([stranger.der]) })
  t.match(report, { verdict: 'untrusted-root', complete: true, root: null })
  t.strictSame(kinds(report), ['untrusted-root', 'root-sent'])
  t.end()
})

t.test('a self-signed leaf is told from an untrusted root', (t) => {
  const own = forge({ subject: commonName('appliance'), keys: newKeys() })
  t.match(check([own]), {
    verdict: 'self-signed',
    complete: true,
    facts: [{ kind: 'self-signed', fingerprint: print(own), subject: 'CN=appliance' }]
  })
  t.end()
})

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

t.test('a certificate with the right name but another key has issued nothing', (t) => {
  const impostor = ca('middle', root)
  const unsigned = forge({ subject: commonName('www.example.org'), keys: newKeys(), issuer: middle })
  const report = check([unsigned, impostor])
  t.match(report, { verdict: 'incomplete', complete: false })
  t.strictSame(kinds(report), ['incomplete', 'bad-signature', 'unneeded'])
  t.match(report.facts[1], { issuerFingerprint: print(impostor) })
  t.match(check([unsigned, impostor, middle]), { verdict: 'trusted' })
  t.end()
})

t.test('a trusted root with a copied name has issued nothing', (t) => {
  const fake = ca('root')
  t.match(check([leaf, middle], { roots: openTrustStore([fake.der]) }), {
    verdict: 'incomplete',
    facts: [{ kind: 'incomplete' }, { kind: 'bad-signature', issuerFingerprint: print(fake) }]
  })
  t.match(check([leaf, middle], { roots: openTrustStore([fake.der, root.der]) }), {
    verdict: 'trusted',
    facts: []
  })
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

t.test('of cross-signed CAs the path that works is found, whatever else is served', (t) => {
  const keys = newKeys()
  const oldRoot = ca('old root', undefined, expired)
  const byOld = ca('cross', oldRoot, { keys })
  const byNew = ca('cross', root, { keys })
  const end = leafOf(byNew)
  const both = openTrustStore([oldRoot.der, root.der])
  for (const served of [
    [end, byOld, byNew],
    [end, byNew, byOld]
  ]) {
    const report = check(served, { roots: both })
    t.match(report, { verdict: 'trusted', root: print(root), ordered: true })
    t.strictSame(report.facts, [
      { kind: 'unneeded', fingerprint: print(byOld), subject: 'CN=cross', position: served.indexOf(byOld) }
    ])
  }
  t.match(check([end, byOld], { roots: both }), {
    verdict: 'broken',
    facts: [{ kind: 'expired', role: 'root' }]
  })
  t.end()
})

t.test('a served cross-certificate of a trusted root is not needed', (t) => {
  const keys = newKeys()
  const young = ca('young root', undefined, { keys })
  const cross = ca('young root', root, { keys })
  const between = ca('between', young)
  const report = check([leafOf(between), between, cross], { roots: openTrustStore([young.der]) })
  t.match(report, {
    verdict: 'trusted',
    root: print(young),
    facts: [{ kind: 'unneeded', fingerprint: print(cross) }]
  })
  t.equal(report.facts.length, 1)
  const only = check([leafOf(between), between, cross])
  t.match(only, { verdict: 'trusted', root: print(root), facts: [] })
  t.equal(only.path.length, 4)
  t.end()
})

t.test('two CAs that have signed each other are no endless way', (t) => {
  const [oneKeys, otherKeys] = [newKeys(), newKeys()]
  const one = ca('one', { ...root, ...otherKeys, name: commonName('other') }, { keys: oneKeys })
  const other = ca('other', one, { keys: otherKeys })
  t.match(check([leafOf(one), one, other]), { verdict: 'incomplete', complete: false })
  t.end()
})

t.test('a search among many candidates is cut, and says so', (t) => {
  const lookalikes = Array.from({ length: 50 }, () => ca('many'))
  const issuer = { ...root, name: commonName('many') }
  const end = forge({ subject: commonName('www.example.org'), keys: newKeys(), issuer })
  const trusted = openTrustStore(lookalikes.slice(0, 20).map(({ der }) => der))
  const report = check([end, ...lookalikes.slice(20)], { roots: trusted })
  t.equal(report.verdict, 'incomplete')
  t.ok(kinds(report).includes('search-cut'))
  t.equal(kinds(report).filter((kind) => kind === 'bad-signature').length, 40)
  t.end()
})

t.test('only the first 32 certificates are looked at', (t) => {
  const report = check([leaf, middle, ...Array.from({ length: 40 }, () => stranger)])
  t.match(report, { verdict: 'trusted', facts: [{ kind: 'too-many', count: 42, limit: 32 }] })
  t.equal(kinds(report).filter((kind) => kind === 'repeated').length, 29)
  t.end()
})

t.test('what cannot be read is told by its place', (t) => {
  const broken = { ...middle, der: middle.der.subarray(0, 100) }
  const report = check([leaf, broken, middle])
  t.match(report, { verdict: 'trusted', facts: [{ kind: 'unreadable', position: 1 }] })
  t.match(check([broken, middle]), {
    verdict: 'unreadable',
    path: [],
    root: null,
    facts: [{ kind: 'unreadable', position: 0 }]
  })
  t.match(check([]), { verdict: 'unreadable', complete: false, facts: [] })
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

t.test('the server name is held against the leaf', (t) => {
  t.strictSame(kinds(check([leaf, middle], { name: 'www.example.org' })), [])
  t.strictSame(kinds(check([leaf, middle], { name: null })), [])
  t.strictSame(check([leaf, middle], { name: 'ftp.example.org' }).facts, [
    { kind: 'name-mismatch', name: 'ftp.example.org', commonNameOnly: false }
  ])
  const old = forge({ subject: commonName('old.example.org'), keys: newKeys(), issuer: root })
  t.match(check([old], { name: 'old.example.org' }), {
    verdict: 'trusted',
    facts: [{ kind: 'name-mismatch', commonNameOnly: true }]
  })
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
  t.end()
})

t.test('a trust store counts each root once, and leaves out what it cannot read', (t) => {
  const store = openTrustStore([root.der, Buffer.from('no root'), root.der, stranger.der])
  t.equal(store.size, 2)
  t.match(store.unreadable, [{ position: 1, reason: /malformed/ }])
  t.ok(store.has(print(root)))
  t.notOk(store.has(print(middle)))
  t.end()
})
