import t from 'tap'
import { openTrustStore } from '../../pki/trust-store.ts'
import { ca, check, expired, kinds, leaf, leafOf, middle, print, root, stranger } from './pki-chains.ts'
import { ascii, commonName, extension, forge, keyIdOf, newKeys, sequence } from './pki-forge.ts'

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

t.test('the root that the certificate names by its key is tried first among many of its name', (t) => {
  const namesakes = Array.from({ length: 60 }, () => ca('namesake'))
  const last = namesakes.at(-1) ?? root
  const report = check([leafOf(last)], { roots: openTrustStore(namesakes.map(({ der }) => der)) })
  t.match(report, { verdict: 'trusted', root: print(last), facts: [] })
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

t.test('a trust store counts each root once, and leaves out what it cannot read', (t) => {
  const store = openTrustStore([root.der, Buffer.from('no root'), root.der, stranger.der])
  t.equal(store.size, 2)
  t.match(store.unreadable, [{ position: 1, reason: /malformed/ }])
  t.ok(store.has(print(root)))
  t.notOk(store.has(print(middle)))
  t.end()
})
