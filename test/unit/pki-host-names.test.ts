import t from 'tap'
import { coversName, nameMatch, type NameMatch } from '../../pki/host-names.ts'

type Case = readonly [host: string, pattern: string, match: NameMatch]

const dnsCases: readonly Case[] = [
  ['www.example.org', 'www.example.org', 'name'],
  ['WWW.Example.ORG', 'www.eXample.org', 'name'],
  ['www.example.org.', 'www.example.org', 'name'],
  ['www.example.org', 'www.example.org.', 'name'],
  ['example.org', 'www.example.org', 'none'],
  ['www.example.org', 'example.org', 'none'],
  ['www.example.org', '*.example.org', 'wildcard'],
  ['WWW.example.org', '*.EXAMPLE.org', 'wildcard'],
  ['xn--strae-oqa.example.org', '*.example.org', 'wildcard'],
  ['example.org', '*.example.org', 'none'],
  ['.example.org', '*.example.org', 'none'],
  ['a.b.example.org', '*.example.org', 'none'],
  ['www.example.org', 'w*.example.org', 'none'],
  ['www.example.org', '*w.example.org', 'none'],
  ['www.example.org', 'w*w.example.org', 'none'],
  ['a.www.example.org', '*.*.example.org', 'none'],
  ['www.a.example.org', 'www.*.example.org', 'none'],
  ['example.org', '*.org', 'none'],
  ['org', '*', 'none'],
  ['*.example.org', '*.example.org', 'none'],
  ['straße.example', 'xn--strae-oqa.example', 'name'],
  ['STRASSE.example', 'strasse.example', 'name'],
  ['bücher.example', 'xn--bcher-kva.example', 'name'],
  ['_sip.example.org', '_sip.example.org', 'name'],
  ['good.example', 'good.example\0.evil.example', 'none'],
  ['', '', 'none'],
  ['a..b', 'a..b', 'none'],
  ['192.0.2.1', '192.0.2.1', 'none'],
  ['192.0.2.1', '*.0.2.1', 'none']
]

t.test('DNS names are compared by the rules of RFC 9525', (t) => {
  for (const [host, pattern, match] of dnsCases) {
    const fields = { dnsNames: [pattern], ipAddresses: [], commonName: null }
    t.equal(nameMatch(fields, host), match, `${host} by ${pattern}`)
    t.equal(coversName(fields, host), match !== 'none')
  }
  t.end()
})

t.test('addresses are compared by value, with iPAddress entries only', (t) => {
  const fields = {
    dnsNames: ['198.51.100.1'],
    ipAddresses: ['192.0.2.1', '2001:db8::1', '::ffff:c633:6402'],
    commonName: null
  }
  const cases: readonly (readonly [host: string, match: NameMatch])[] = [
    ['192.0.2.1', 'address'],
    ['2001:db8::1', 'address'],
    ['2001:DB8:0:0:0:0:0:1', 'address'],
    ['[2001:db8::1]', 'address'],
    ['::ffff:192.0.2.1', 'address'],
    ['192.0.2.2', 'none'],
    ['198.51.100.1', 'none'],
    ['198.51.100.2', 'none']
  ]
  for (const [host, match] of cases) t.equal(nameMatch(fields, host), match, host)
  t.end()
})

t.test('a common name is told, but covers nothing', (t) => {
  const old = { dnsNames: [], ipAddresses: [], commonName: 'Old.example.org' }
  t.equal(nameMatch(old, 'old.example.org'), 'common-name-only')
  t.equal(coversName(old, 'old.example.org'), false)
  t.equal(nameMatch({ ...old, commonName: '*.example.org' }, 'old.example.org'), 'common-name-only')
  t.equal(nameMatch({ ...old, commonName: '192.0.2.1' }, '192.0.2.1'), 'common-name-only')
  t.equal(nameMatch(old, 'new.example.org'), 'none')
  t.equal(nameMatch({ ...old, dnsNames: ['other.example.org'] }, 'old.example.org'), 'none')
  const named = { dnsNames: ['other.example.org'], ipAddresses: [], commonName: '192.0.2.1' }
  t.equal(nameMatch(named, '192.0.2.1'), 'none')
  t.equal(nameMatch({ ...old, commonName: null }, 'old.example.org'), 'none')
  t.end()
})

t.test('an exact name is preferred to a wildcard', (t) => {
  const fields = { dnsNames: ['*.example.org', 'www.example.org'], ipAddresses: [], commonName: null }
  t.equal(nameMatch(fields, 'www.example.org'), 'name')
  t.equal(nameMatch(fields, 'ftp.example.org'), 'wildcard')
  t.end()
})
