import * as fc from 'fast-check'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { csvCell } from '../../core/text.ts'
import { Fault } from '../../core/fault.ts'
import { detectFormat, type HandoverFormat } from '../../sensor/scan/handover/detect.ts'
import * as samples from './handover-samples.ts'
import { handed } from './handover-samples.ts'

const seed = 20261125

const files: readonly (readonly [
  what: string,
  format: HandoverFormat,
  content: string,
  entries: readonly string[]
])[] = [
  [
    'nmap XML',
    'nmap',
    samples.nmap,
    [
      '10.0.0.1 443 www.example.com',
      '10.0.0.1 443 host-1.example.net',
      '10.0.0.2 8443',
      '10.0.0.2 8443 host-2.example.net',
      '2001:db8::1 443'
    ]
  ],
  ['masscan JSON', 'masscan', samples.masscan, ['10.0.0.1 443', '10.0.0.1 443', '2001:db8::1 8443']],
  ['JSON of an old masscan', 'masscan', samples.oldMasscan, ['10.0.0.1 443', '10.0.0.2 443']],
  ['masscan ndjson', 'masscan', samples.masscanLines, ['10.0.0.1 443', '10.0.0.3 443']],
  ['masscan list', 'masscan-list', samples.masscanList, ['10.0.0.1 443', '2001:db8::1 8443', '10.0.0.2 25']],
  [
    'tlsx',
    'tlsx',
    samples.tlsx,
    [
      '10.0.0.1 443 www.example.com',
      '10.0.0.2 8443',
      'unknown 443 only.example',
      '10.0.0.4 443 given.example'
    ]
  ],
  [
    'zgrab2',
    'zgrab2',
    samples.zgrab2,
    ['10.0.0.1 443 www.example.com', '10.0.0.2 25', 'unknown 8443 only.example', '10.0.0.3']
  ],
  [
    'CSV',
    'csv',
    samples.csv,
    ['10.0.0.1 443 www.example.com team-a prod web', '10.0.0.2', '2001:db8::1 8443 O"Brien; Ltd lb']
  ]
]

t.test('each format is recognised by its first bytes and read', async (t) => {
  for (const [what, format, content, entries] of files) {
    t.equal(detectFormat(Buffer.from(content)), format, `${what} is recognised`)
    t.equal(detectFormat(Buffer.from(`\ufeff${content}`)), format, `${what} with a byte order mark`)
    t.same(await handed(content), entries, `${what} is read`)
    t.same(await handed(`\ufeff${content}`), entries, `${what} with a byte order mark is read`)
    t.same(await handed(content.replaceAll('\n', '\r\n')), entries, `${what} with CRLF`)
    t.same(await handed(content, format), entries, `${what} by name`)
  }
})

t.test('it does not matter where the chunks are cut', async () => {
  for (const [, , content, entries] of files) {
    const bytes = Buffer.from(content)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 12 }), async (cuts) => {
        const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
        const chunks = edges.map((edge, at) => bytes.subarray(edge, edges[at + 1] ?? bytes.length))
        assert.deepEqual(await handed(chunks), entries)
      }),
      { seed, numRuns: 40 }
    )
  }
  assert.deepEqual(
    await handed(Array.from(Buffer.from(samples.nmap), (byte) => Uint8Array.of(byte))),
    files[0]?.[3]
  )
})

t.test('tables are read in any order of columns, with any usual separator', async (t) => {
  t.same(await handed('port;address\n443;10.0.0.1\n'), ['10.0.0.1 443'])
  t.same(await handed('host\tport\nwww.example.com\t443\n10.0.0.1\t8443'), [
    'unknown 443 www.example.com',
    '10.0.0.1 8443'
  ])
  t.same(await handed('hostname,ip,port\nwww.example.com,10.0.0.1,443\n'), ['10.0.0.1 443 www.example.com'])
  t.same(await handed('address\n10.0.0.1\n\n10.0.0.2\n'), ['10.0.0.1', '10.0.0.2'])
  t.same(await handed('address,port\n'), [])
  const owner = csvCell('=cmd|x')
  t.same(
    await handed(`ip,owner\n10.0.0.1,${owner}\n`),
    ['10.0.0.1 =cmd|x'],
    'what was defused for a spreadsheet comes back'
  )
})

t.test('JSON may be spread over lines, in an array or not', async (t) => {
  const record = { host: 'a.example', ip: '10.0.0.1', port: '443', note: ['}', '"', '\\', '[{'] }
  const pretty = JSON.stringify([record, record], null, 2)
  t.same(await handed(pretty), ['10.0.0.1 443 a.example', '10.0.0.1 443 a.example'])
  t.same(await handed(JSON.stringify(record, null, 2)), ['10.0.0.1 443 a.example'])
  t.same(await handed('[\n]\n'), [])
  t.same(await handed('', 'masscan'), [], 'masscan leaves an empty file when it finds nothing')
})

const broken: readonly (readonly [what: string, content: string, line: number, says: RegExp])[] = [
  ['an empty file', '', 1, /the file is empty/],
  ['another format', 'Dear Sir or Madam\n', 1, /not recognised.*--from \(nmap, masscan, masscan-list/],
  ['XML cut off', samples.nmap.slice(0, samples.nmap.indexOf('10.0.0.2')), 22, /unclosed tag/],
  ['XML with a wrong end', '<nmaprun>\n<host>\n</port></nmaprun>', 3, /unexpected close tag/],
  ['XML of something else', '<?xml version="1.0"?>\n<html/>', 2, /expected <nmaprun>, found <html>/],
  [
    'an open port without address',
    '<nmaprun><host>\n<ports><port protocol="tcp" portid="1"><state state="open"/></port></ports></host></nmaprun>',
    2,
    /expected <address>/
  ],
  [
    'a port beyond 65535',
    samples.nmap.replace('portid="443"', 'portid="70000"'),
    15,
    /1 to 65535, found 70000/
  ],
  ['a port that is none', samples.nmap.replace('portid="443"', 'portid="https"'), 15, /expected portid/],
  [
    'an address that is none',
    samples.nmap.replace('"10.0.0.1"', '"10.0.0.300"'),
    15,
    /found "10\.0\.0\.300"/
  ],
  [
    'JSON with a missing comma',
    samples.masscan.replace('443, "proto"', '443 "proto"'),
    2,
    /column 76.*Expected ','/
  ],
  ['JSON cut off', samples.masscan.slice(0, 300), 4, /record that begins here does not end/],
  ['JSON without its end', samples.masscan.slice(0, -2), 7, /expected \] at the end/],
  [
    'JSON with words between',
    samples.tlsx.replace('}\n', '}\nINFO done\n'),
    2,
    /column 1: expected a JSON object, found "I"/
  ],
  [
    'JSON with a field of another type',
    samples.masscan.replace('"port": 443', '"port": "443"'),
    2,
    /ports\.0\.port is "443": wanted a whole number/
  ],
  [
    'JSON with a field missing',
    samples.tlsx.replace('"port":"8443",', ''),
    2,
    /not as expected: port is missing/
  ],
  [
    'a record of zgrab2 without a host',
    '{"data":{"tls":{"status":"success"}}}',
    1,
    /expected "ip" or "domain"/
  ],
  ['a list with another line', `${samples.masscanList}hello\n`, 8, /expected "open tcp PORT ADDRESS TIME"/],
  ['a list with port 0', samples.masscanList.replace('tcp 443', 'tcp 0'), 2, /1 to 65535, found 0/],
  ['a table without an address', 'name,port\na.example,443\n', 1, /not recognised/],
  [
    'a table with a row too long',
    'ip,port\n10.0.0.1,443\n10.0.0.1,443,x\n',
    3,
    /expected a table: Invalid Record Length/
  ],
  ['a table with a quote that stays open', 'ip,port\n10.0.0.1,"443\n', 2, /Quote Not Closed/],
  ['a table with a wrong port', 'ip,port\n10.0.0.1,70000\n', 2, /found "70000"/],
  ['a table with a wrong address', 'ip,port\n10.0.0.1,1\n10.0.0.0/24,443\n', 3, /found "10\.0\.0\.0\/24"/],
  ['a table with an empty address', 'ip,port\n,443\n', 2, /expected an address/],
  ['a table with a wrong name', 'ip,name\n10.0.0.1,a b\n', 2, /expected a host name, found "a b"/],
  ['a table whose host has another name', 'host,name\na.example,b.example\n', 2, /expected the address/],
  ['text that is not UTF-8', 'ip,owner\n10.0.0.1,M\u0000ller\n', 2, /expected UTF-8/]
]

t.test('a broken file is a fault with the line and what was expected', async (t) => {
  for (const [what, content, line, says] of broken) {
    const bytes = Buffer.from(content)
    if (what.includes('UTF-8')) bytes[bytes.indexOf(0)] = 0xfc
    await t.rejects(
      handed(bytes),
      { code: 'handover-malformed', message: says, facts: { source: 'file', line } },
      what
    )
  }
  await t.rejects(handed(Uint8Array.of(0x1f, 0x8b, 8, 0)), { message: /compressed: unpack it first/ })
  await t.rejects(handed(samples.csv, 'nmap'), { message: /expected nmap XML/ })
  await t.rejects(handed(samples.csv, 'tlsx'), { message: /expected a JSON object, found "O"/ })
})

t.test('a failure to read the file is not blamed on its format', async (t) => {
  async function* failing() {
    yield Buffer.from(samples.csv)
    yield Buffer.alloc(8192, '10.0.0.1,,,,,\n')
    throw Object.assign(new Error('EIO'), { code: 'EIO' })
  }
  for (const format of ['csv', 'nmap', 'tlsx'] as const) {
    async function* from() {
      if (format === 'csv') yield* failing()
      else throw Object.assign(new Error('EIO'), { code: 'EIO' })
    }
    await t.rejects(handed(from(), format), { code: 'EIO' }, format)
  }
})

t.test('XML bombs are harmless', async (t) => {
  const lol = Array.from({ length: 9 }, (_, at) => `<!ENTITY l${at + 1} "${`&l${at};`.repeat(10)}">`).join('')
  const dtd = `<!DOCTYPE nmaprun [<!ENTITY l0 "lol">${lol}]>`
  await t.rejects(handed(`<?xml version="1.0"?>${dtd}<nmaprun>&l9;</nmaprun>`), {
    message: /a DTD with declarations is not read/
  })
  await t.rejects(handed('<nmaprun><host>&l9;</host></nmaprun>'), { message: /undefined entity/ })
  await t.rejects(
    handed(
      '<!DOCTYPE nmaprun SYSTEM "file:///etc/passwd" [<!ENTITY x SYSTEM "file:///etc/passwd">]><nmaprun/>'
    ),
    {
      message: /a DTD with declarations/
    }
  )
  await t.rejects(handed(`<nmaprun>${'<a>'.repeat(100_000)}`), { message: /nested too deeply/ })
  await t.rejects(handed(endless('<nmaprun><host x="', 'A'.repeat(65_536))), {
    message: /something here does not end/
  })
  await t.rejects(handed(endless('<!DOCTYPE nmaprun ', 'A'.repeat(65_536))), {
    message: /something here does not end/
  })
  await t.rejects(handed(endless('<nmaprun><!--', 'A'.repeat(65_536))), {
    message: /something here does not end/
  })
})

t.test('an nmap host may have every port open, and not more names than a host has', async (t) => {
  const file = (names: number, ports: number) => {
    const name = (_: unknown, at: number) => `<hostname name="h${at}.example" type="PTR"/>`
    const port = (_: unknown, at: number) =>
      `<port protocol="tcp" portid="${at + 1}"><state state="open"/></port>`
    const host = `<address addr="10.0.0.1"/>${Array.from({ length: names }, name).join('')}`
    return `<nmaprun><host>${host}${Array.from({ length: ports }, port).join('')}</host></nmaprun>`
  }
  t.equal((await handed(file(2, 65_535))).length, 3 * 65_535, 'each port without a name and by each')
  await t.rejects(handed(file(60_000, 60_000)), { message: /expected at most 100 <hostname>s/ })
})

t.test('endless records and lines are cut off', async (t) => {
  await t.rejects(handed(endless('{"host":"', 'A'.repeat(65_536))), {
    message: /the record that begins here does not end/
  })
  await t.rejects(handed(endless('{"host":', '['.repeat(65_536))), {
    message: /the record that begins here does not end/
  })
  await t.rejects(handed(endless('#masscan\nopen tcp ', '4'.repeat(65_536))), {
    message: /the line does not end/
  })
  await t.rejects(handed(endless('ip,port\n10.0.0.1,"', '4'.repeat(65_536))), {
    message: /expected a table: Max Record Size/
  })
})

function* endless(begin: string, more: string): Generator<Uint8Array> {
  yield Buffer.from(begin)
  const chunk = Buffer.from(more)
  for (let at = 0; at < 2000; at++) yield chunk
}

t.test('a large file is streamed: a heap of 32 MB is enough for 70 MB', async (t) => {
  for (const what of ['nmap', 'masscan', 'tlsx', 'zgrab2', 'csv']) {
    const flood = new Worker(new URL('./handover-flood.ts', import.meta.url), {
      workerData: what,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 32 }
    })
    const [read] = (await once(flood, 'message')) as [{ entries: number; bytes: number }]
    t.equal(read.entries, 20_000, `${what}: every record`)
    t.ok(read.bytes > 70_000_000, `${what}: ${Math.round(read.bytes / 1e6)} MB`)
    await flood.terminate()
  }
})

t.test('mutilated files give entries or a fault, never another error', async (t) => {
  const mutation = fc.record({
    file: fc.nat(files.length - 1),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(3),
    put: fc.oneof(
      fc.constantFrom('<', '>', '"', '{', '}', '[', ']', ',', '\n', '&', '\\', '\0', 'é', '0', '9', 'a'),
      fc.string({ maxLength: 6 })
    )
  })
  const counts = { fine: 0, faults: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (mutations) => {
      let content = files[mutations[0]?.file ?? 0]?.[2] ?? ''
      for (const { at, cut, put } of mutations) {
        const from = Math.floor(at * content.length)
        content = content.slice(0, from) + put + content.slice(from + cut)
      }
      try {
        await handed(content)
        counts.fine++
      } catch (thrown) {
        counts.faults++
        assert.ok(thrown instanceof Fault && thrown.code === 'handover-malformed', String(thrown))
      }
    }),
    { seed, numRuns: 5000 }
  )
  t.ok(counts.fine > 500 && counts.faults > 500, `${counts.fine} read, ${counts.faults} faults`)
})
