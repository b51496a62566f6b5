import t from 'tap'
import { parseAddress } from '../../core/address.ts'
import {
  candidateName,
  candidateNames,
  readNames,
  type NameSources
} from '../../sensor/scan/targets/names.ts'

const [one, two] = [parseAddress('10.0.0.1') ?? 0, parseAddress('2001:db8::1') ?? 0]

const nothing: NameSources = {
  list: { byAddress: new Map(), everywhere: [] },
  namesSeenAt: () => [],
  reverse: null,
  excluded: () => false,
  limit: 20
}

t.test('a file gives names to addresses, and names for everywhere', async (t) => {
  const lines = [
    '# as /etc/hosts has it',
    '10.0.0.1\twww.example.com  Api.Example.COM. # ours',
    '2001:DB8::1 bücher.example',
    'everywhere.example also.example',
    '',
    '::ffff:10.0.0.1 mapped.example'
  ]
  const list = await readNames(lines, 'names.txt', 20)
  t.same(list.byAddress.get(one), ['www.example.com', 'api.example.com', 'mapped.example'])
  t.same(list.byAddress.get(two), ['xn--bcher-kva.example'])
  t.same(list.everywhere, ['everywhere.example', 'also.example'])
})

t.test('a mistake in the file names the line, the value and the remedy', async (t) => {
  await t.rejects(readNames(['10.0.0.1 a.example', '10.0.0.1 b..example'], 'names.txt', 20), {
    code: 'target-malformed',
    message: /^names\.txt, line 2: name "b\.\.example" is neither an address nor a host name\. Write/
  })
  await t.rejects(readNames(['10.0.0.1'], 'names.txt', 20), {
    message: /line 1: address "10\.0\.0\.1" has no name/
  })
  await t.rejects(readNames(['a.example 10.0.0.1'], 'names.txt', 20), {
    message: /name "10\.0\.0\.1" is neither/
  })
  await t.rejects(readNames(['a.example b.example', 'c.example'], 'names.txt', 2), {
    code: 'target-too-large',
    message: /line 2: names: more than 2 names without an address/
  })
})

t.test(
  'candidates come from the list, from certificates, from PTR, then from everywhere, each once',
  async (t) => {
    const names = candidateNames({
      ...nothing,
      list: {
        byAddress: new Map([[one, ['listed.example']]]),
        everywhere: ['everywhere.example', 'listed.example']
      },
      namesSeenAt: (address) =>
        address === one ? ['Seen.example', '*.wild.example', '10.0.0.1', '::1'] : [],
      reverse: async (address) => (address === '10.0.0.1' ? ['ptr.example.', 'seen.example'] : [])
    })
    t.same(await names(one), [
      'listed.example',
      'seen.example',
      'www.wild.example',
      'ptr.example',
      'everywhere.example'
    ])
    t.same(await names(two), ['everywhere.example', 'listed.example'])
  }
)

t.test('they are bounded, and none is excluded', async (t) => {
  const many = Array.from({ length: 100 }, (_, at) => `host-${at}.example`)
  const names = candidateNames({
    ...nothing,
    namesSeenAt: () => many,
    excluded: (address, name) => address === one && name.endsWith('0.example'),
    limit: 3
  })
  t.same(await names(one), ['host-1.example', 'host-2.example', 'host-3.example'])
  t.same(await names(two), ['host-0.example', 'host-1.example', 'host-2.example'])
  t.same(await candidateNames({ ...nothing, namesSeenAt: () => many, limit: 0 })(one), [])
  function* endless() {
    for (let at = 0; ; at++) yield `host-${at}.example`
  }
  t.equal((await candidateNames({ ...nothing, namesSeenAt: endless, limit: 7 })(one)).length, 7)
})

t.test('nobody asks for PTR names unless told to, and a failure gives none', async (t) => {
  t.same(await candidateNames(nothing)(one), [])
  const reverse = () => Promise.reject(new Error('ENOTFOUND'))
  t.same(await candidateNames({ ...nothing, reverse })(one), [])
})

t.test('what a certificate says is sent only when it is a host name', async (t) => {
  const kept = [
    ['*.example.com', 'www.example.com'],
    ['EXAMPLE.com.', 'example.com'],
    ['intranet', 'intranet']
  ] as const
  for (const [found, name] of kept) t.equal(candidateName(found), name, found)
  const dropped = [
    '10.0.0.1',
    '::1',
    '*',
    '*.*.example',
    'a.*.example',
    'Company Ltd',
    'me@example.com',
    'https://a.example',
    '',
    'a\0b',
    '*.10.0.0.1'
  ]
  for (const found of dropped) t.equal(candidateName(found), undefined, JSON.stringify(found))
})
