import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createCertificate } from '../peers/certificates.ts'
import { startTls } from '../peers/tls.ts'
import { createBench, jsonLines, schemaErrors } from './cli.ts'

const day = 86_400_000
const good = createCertificate({ names: ['good.test'] })
const soon = createCertificate({
  names: ['soon.test'],
  notBefore: Date.now() - 80 * day,
  notAfter: Date.now() + 2 * day
})
const both = [
  createCertificate({ names: ['both.test'] }),
  createCertificate({ names: ['both.test'], key: 'rsa2048' })
]
const peers = await Promise.all([
  startTls({ show: [good] }),
  startTls({ show: [soon] }),
  startTls({ show: both })
])
const ports = peers.map((peer) => peer.port)
const bench = createBench()
const scanWords = ['scan', '127.0.0.1', '-p', ports.join(',')]

t.teardown(async () => {
  bench.remove()
  await Promise.all(peers.map((peer) => peer.close()))
})

t.test('a scan prints each endpoint as JSON, then the scan, by the documented schemas', async (t) => {
  const ran = await bench.run([...scanWords, '--json'])
  t.equal(ran.code, 0, ran.stderr)
  const lines = jsonLines(ran.stdout)
  t.same(
    lines.map((line) => line['type']),
    ['endpoint', 'endpoint', 'endpoint', 'scan']
  )
  t.same(schemaErrors(lines), [])
  const leaves = lines.slice(0, 3).flatMap((line) => line['certificates'] as { fingerprint: string }[])
  t.same(
    leaves.map((leaf) => leaf.fingerprint).toSorted(),
    [good, soon, ...both].map((one) => one.fingerprint).toSorted()
  )
  t.match(ran.stderr, /1 address, 3 ports: 3 pairs/, 'the size is said before the start')
  t.match(ran.stderr, /Scan 1: 3 endpoints among 3 pairs in .*; 3 new, 0 changed, 0 gone/)
})

t.test('the inventory lists what was found, answering first', async (t) => {
  const table = await bench.run(['inventory'])
  t.equal(table.code, 0, table.stderr)
  t.match(table.stdout, /^3 of 3 endpoints need attention, 1 critical\n\nENDPOINT/)
  t.match(table.stdout, /soon\.test .* Critical: Expires soon/)
  t.notMatch(table.stdout, /\u001b/, 'no colours into a pipe')

  const json = jsonLines((await bench.run(['inventory', '--json'])).stdout)
  t.same(
    json.map((line) => line['type']),
    ['endpoint', 'endpoint', 'endpoint', 'summary']
  )
  t.same(schemaErrors(json), [])

  const csv = (await bench.run(['inventory', '--csv', '--sort', 'address'])).stdout.trimEnd().split('\n')
  t.equal(csv.length, 4)
  t.match(csv[0], /^address,port,name,state,/)
})

t.test('filters hold together, and pages go on where they ended', async (t) => {
  const list = async (...words: string[]) =>
    jsonLines((await bench.run(['inventory', '--json', ...words])).stdout)
  const names = (lines: Record<string, unknown>[]) =>
    lines
      .filter((line) => line['type'] === 'endpoint')
      .map((line) => (line['certificates'] as { label: string }[])[0]?.label)
  t.same(names(await list('--expiring', '30d')), ['soon.test'])
  t.same(names(await list('--finding', 'expires-soon', '--port', String(ports[0]))), [])
  t.same(names(await list('--key', 'rsa')), ['both.test'])
  t.same(names(await list('--search', 'OOD.te')), ['good.test'])
  t.same(names(await list('--network', '127.0.0.0/30', '--severity', 'critical')), ['soon.test'])

  const seen: string[] = []
  let after: string[] = []
  for (let page = 0; page < 3; page++) {
    const lines = await list('--sort', 'address', '--limit', '1', ...after)
    seen.push(...names(lines).map(String))
    const next = lines.at(-1)?.['next']
    if (typeof next === 'string') after = ['--after', next]
  }
  t.same(seen.toSorted(), ['both.test', 'good.test', 'soon.test'])
})

t.test('a table ends with how to see more; programs get all', async (t) => {
  const cut = await bench.run(['inventory', '-q', '--limit', '2', '--sort', 'address'])
  t.match(
    cut.stdout,
    /\n… 2 rows of 3\. Repeat with --limit 3 for all, or with --after \S+ for those that follow\.\n$/
  )
  t.notMatch((await bench.run(['inventory'])).stdout, /…/)
  const page = await bench.run(['inventory', '--csv', '--limit', '2'])
  t.equal(page.stdout.trimEnd().split('\n').length, 3)
  t.match(page.stderr, /More: repeat with --after \S+/)
  t.match(jsonLines((await bench.run(['inventory', '--json'])).stdout).at(-1), { endpoints: 3, next: null })
})

t.test('a certificate is shown by the first digits of its fingerprint, or from a file', async (t) => {
  const byDigits = await bench.run(['certificate', 'show', good.fingerprint.slice(0, 12)])
  t.equal(byDigits.code, 0, byDigits.stderr)
  t.match(byDigits.stdout, /^good\.test {2}expires in 59 d/)
  t.match(byDigits.stdout, new RegExp(`Served by +1 endpoint\\n +127\\.0\\.0\\.1:${ports[0]}`))

  t.match(byDigits.stdout, /\nTrust +no root that is known here vouches for it\n/)
  t.match(
    byDigits.stdout,
    /\n {2}Warning +Self-signed\. [^]*\n {12}Replace it by/,
    'and what is wrong with it'
  )

  const list = async (...words: string[]) =>
    jsonLines((await bench.run(['inventory', '--json', ...words])).stdout).filter(
      ({ type }) => type === 'endpoint'
    )
  t.match(await list('--certificate', good.fingerprint.slice(0, 12)), [{ port: ports[0] }])
  t.same(await list('--certificate', 'ffff'.repeat(8)), [])
  const table = (await bench.run(['inventory'])).stdout
  t.match(table, new RegExp(`${good.fingerprint.slice(0, 12)} `), 'tables tell the first digits')

  const pem = await bench.run(['certificate', 'show', good.fingerprint, '--pem'])
  t.equal(pem.stdout, good.pem)
  const fromFile = await bench.run(['certificate', 'show', '-', '--json'], { input: good.pem })
  const fromInventory = await bench.run(['certificate', 'show', good.fingerprint, '--json'])
  const [file, kept] = [jsonLines(fromFile.stdout), jsonLines(fromInventory.stdout)]
  t.same(schemaErrors([...file, ...kept]), [])
  t.same({ ...file[0], inventory: null }, { ...kept[0], inventory: null })
})

t.test('certificates are shown by the endpoint that shows them', async (t) => {
  const here = createBench()
  t.teardown(() => here.remove())
  await here.run([...scanWords, '-q'])
  const shown = async (place: string) => {
    const { code, stdout, stderr } = await here.run(['certificate', 'show', place, '--json'])
    return code === 0 ? jsonLines(stdout).map(({ fingerprint }) => fingerprint) : stderr
  }
  t.same(await shown(`127.0.0.1:${ports[0]}`), [good.fingerprint])
  const twins = (await shown(`127.0.0.1:${ports[2]}`)) as string[]
  t.same(twins.toSorted(), both.map(({ fingerprint }) => fingerprint).toSorted(), 'one for each key type')
  t.match(await shown('127.0.0.1:1'), /no endpoint of the inventory shows one there.*\[certificate-missing\]/)
  t.match(await shown(`127.0.0.1:${ports[0]}/other.test`), /certificate-missing/)
  t.match(await shown('127.0.0.1:'), /host:port or host:port\/name.*\[option-malformed\]/)

  const named = await here.run(['scan', `localhost:${ports[0]}`, '-q'])
  t.equal(named.code, 0, named.stderr)
  t.same(await shown(`localhost:${ports[0]}`), [good.fingerprint])
  t.same(await shown(`127.0.0.1:${ports[0]}/localhost`), [good.fingerprint])
})

t.test('owners and tags are set by command and by file', async (t) => {
  const tagged = await bench.run([
    'inventory',
    'tag',
    `127.0.0.1:${ports[0]}`,
    '127.0.0.2',
    '--add',
    'shop,dmz'
  ])
  t.match(tagged.stderr, /1 endpoint changed\. 1 place without any endpoint\./)
  const table = `address;port;owner;tags\n127.0.0.1;${ports[1]};Web team;a b\n127.0.0.1;;Everybody;\n`
  const imported = await bench.run(['inventory', 'import', '-'], { input: table })
  t.equal(imported.code, 0, imported.stderr)
  t.match(imported.stderr, /2 rows read; 4 endpoints changed\./)
  const again = await bench.run(['inventory', 'import', '-'], { input: table.replace(/^127.*Web.*\n/m, '') })
  t.match(again.stderr, /1 row read; 0 endpoints changed, 3 as before\./, 'what is said already is no change')
  await bench.run(['inventory', 'import', '-'], { input: table })
  const lines = jsonLines((await bench.run(['inventory', '--json', '--tag', 'shop'])).stdout)
  t.match(lines[0], { port: ports[0], tags: ['dmz', 'shop'], owner: 'Everybody' })
  t.match((await bench.run(['inventory', '--tag', 'shop'])).stdout, /OWNER +TAGS[^]*Everybody +dmz shop/)
  const owned = jsonLines((await bench.run(['inventory', '--json', '--tag', 'a'])).stdout)
  t.match(owned[0], { port: ports[1], tags: ['a', 'b'] })
})

t.test('tags and owners of nothing but blanks are refused, and so are tags with blanks', async (t) => {
  const place = `127.0.0.1:${ports[0]}`
  for (const [words, message] of [
    [['tag', place, '--add', ''], /--add is '': name a tag/],
    [['tag', place, '--add', ' , '], /--add is ' , ': name a tag/],
    [['tag', place, '--remove', '', '--add', 'x'], /--remove is '': name a tag/],
    [['tag', place, '--add', 'two words'], /tag 'two words': write 1 to 200 characters without blanks/],
    [['owner', place, '--set', '  '], /owner ' {2}': write 1 to 200 characters/]
  ] as const) {
    const ran = await bench.run(['inventory', ...words])
    t.equal(ran.code, 2, words.join(' '))
    t.match(ran.stderr, message)
  }
  const scan = await bench.run(['scan', place, '--tag', 'two words'])
  t.match(scan.stderr, /tag 'two words': write 1 to 200 characters without blanks/)
  const help = await bench.run(['inventory', 'tag', '--help'])
  t.match(help.stdout, /--add <TAGS> +tags to add, parted by commas; may be given again/)
})

t.test('what other tools found is scanned, in the habits of tlsx too', async (t) => {
  const xml = `<?xml version="1.0"?><nmaprun><host><address addr="127.0.0.1" addrtype="ipv4"/><ports>
    <port protocol="tcp" portid="${ports[0]}"><state state="open"/></port>
    <port protocol="tcp" portid="${ports[1]}"><state state="closed"/></port></ports></host></nmaprun>`
  const nmap = await bench.run(['scan', '--from', 'nmap', '-', '--json', '-q'], { input: xml })
  t.equal(nmap.code, 0, nmap.stderr)
  t.match(jsonLines(nmap.stdout), [
    { type: 'endpoint', port: ports[0] },
    { type: 'scan', size: 1 }
  ])
  const csv = `host,port\n127.0.0.1,${ports[1]}\n`
  const auto = await bench.run(['scan', '-from', 'auto', '-l', '-', '-json', '-q'], { input: csv })
  t.match(jsonLines(auto.stdout), [
    { type: 'endpoint', port: ports[1] },
    { type: 'scan', size: 1 }
  ])
  const host = await bench.run(['scan', '-u', '127.0.0.1', '-port', String(ports[2]), '-json', '-q'])
  t.match(jsonLines(host.stdout), [
    { type: 'endpoint', port: ports[2] },
    { type: 'scan', size: 1 }
  ])
})

t.test('targets may be piped in where none is named', async (t) => {
  const own = createBench()
  t.teardown(() => own.remove())
  const ran = await own.run(['scan', '--json'], {
    input: `# hosts\n127.0.0.1:${ports[0]}\n127.0.0.1:${ports[1]}\n`
  })
  t.equal(ran.code, 0, ran.stderr)
  t.match(ran.stderr, /^Reading targets from standard input\.\n/)
  t.match(jsonLines(ran.stdout).at(-1), { type: 'scan', size: 2, scope: 'standard input, default ports' })
  const csv = await own.run(['scan', '--from', 'csv', '--json', '-q'], {
    input: `host,port\n127.0.0.1,${ports[0]}\n`
  })
  t.match(jsonLines(csv.stdout).at(-1), { type: 'scan', size: 1 })
})

t.test('our own JSON is read back as targets', async (t) => {
  const own = createBench()
  t.teardown(() => own.remove())
  const input = (await bench.run(['inventory', '--json'])).stdout
  const ran = await own.run(['scan', '--from', 'auto', '-', '--json', '-q'], { input })
  t.equal(ran.code, 0, ran.stderr)
  t.match(jsonLines(ran.stdout).at(-1), { type: 'scan', size: 3, endpoints: 3 })
})

t.test('diff says what the last scan changed', async (t) => {
  await peers[0]?.close()
  const renewed = createCertificate({ names: ['soon.test'] })
  await peers[1]?.close()
  const again = await startTls({ show: [renewed] }, { port: ports[1] ?? 0 })
  t.teardown(() => again.close())
  t.equal((await bench.run([...scanWords, '-q'])).code, 0)

  const lines = jsonLines((await bench.run(['diff', '--json'])).stdout)
  t.same(schemaErrors(lines), [])
  t.same(lines.map(({ change, port }) => `${String(change)} ${String(port)}`).toSorted(), [
    `changed ${ports[1]}`,
    `gone ${ports[0]}`
  ])
  const [gone] = lines.filter(({ change }) => change === 'gone')
  t.match(gone, { before: { outcome: 'certificate', certificates: [{ fingerprint: good.fingerprint }] } })
  t.match(gone?.['after'], { state: 'gone', outcome: 'closed', version: null })
  const shown = (gone ?? {})['after'] as { certificates: unknown[] }
  t.same(shown.certificates, [], 'it shows nothing any more')
  const last = await bench.run(['diff'])
  t.match(
    last.stdout,
    /^Scan 5 \(127\.0\.0\.1, ports [\d,]+; .*\), compared with what was known before\.\n0 new, 1 changed, 1 gone\n/
  )
  t.match(
    (await bench.run(['diff', '1', '5'])).stdout,
    /^The inventory after scan 5 \(.*\), compared with the one after scan 1 \(.*\)\.\n0 new, 1 changed, 1 gone\n/
  )
  t.match((await bench.run(['diff', '--csv'])).stderr, /Scan 5 .*compared with what was known before/)

  const absent = jsonLines((await bench.run(['inventory', '--gone', '--json'])).stdout)
  t.match(absent[0], { state: 'gone', port: ports[0], outcome: 'closed' })
  const scans = jsonLines((await bench.run(['scans', '--json'])).stdout)
  t.same(schemaErrors(scans), [])
  t.match(scans, [
    { id: 5, state: 'finished', changed: 1, gone: 1 },
    { id: 4 },
    { id: 3 },
    { id: 2 },
    { id: 1, state: 'finished', appeared: 3 }
  ])
})

t.test('a schedule too large for anybody to have meant is refused when it is made', async (t) => {
  const words = ['scans', 'add', 'all', '10.0.0.0/8', '--every', '1d']
  const refused = await bench.run(words)
  t.equal(refused.code, 2)
  t.match(refused.stderr, /369,098,752 pairs .* over the limit of 2,000,000\. Repeat with --yes/)
  const meant = await bench.run([...words, '--yes'])
  t.equal(meant.code, 0, meant.stderr)
  t.match(meant.stderr, /Schedule all is kept: every 1d\. It runs while tlsward run is up\./)
  t.equal((await bench.run(['scans', 'remove', 'all'])).code, 0)
  t.equal((await bench.run([...words, '--port', '443', '--max-targets', '20000000'])).code, 0)
  t.match(jsonLines((await bench.run(['scans', '--json'])).stdout).at(-1), { name: 'all', ports: '443' })
  t.equal((await bench.run(['scans', 'remove', 'all'])).code, 0)
  t.equal((await bench.run(['scans', 'add', 'x', 'nmap.xml:80x', '--every', '1d'])).code, 2)
})

t.test('old scans are forgotten when that is asked for', async (t) => {
  const last = jsonLines((await bench.run(['scans', '--json'])).stdout).map(({ id }) => Number(id))
  const before = (await bench.run(['diff', '--json'])).stdout
  const ran = await bench.run(['scans', 'prune', '--keep', '1'])
  t.equal(ran.code, 0, ran.stderr)
  t.match(
    ran.stderr,
    new RegExp(`^Removed: ${last.length - 1} scans, \\d+ lines? of history, \\d+ certificates?\\.\n$`)
  )
  t.match(jsonLines((await bench.run(['scans', '--json'])).stdout), [{ id: Math.max(...last) }])
  t.equal((await bench.run(['diff', '--json'])).stdout, before)
  t.equal((await bench.run(['scans', 'prune'])).code, 2, 'how many stay is said, not guessed')
})

t.test('schedules are kept, listed and removed', async (t) => {
  const words = [
    'scans',
    'add',
    'dmz',
    '10.1.0.0/16',
    '--every',
    '1d',
    '--window',
    '22:00-06:00',
    '--rate',
    '50'
  ]
  t.equal((await bench.run(words)).code, 0)
  const twice = await bench.run(words)
  t.equal(twice.code, 5)
  t.match(twice.stderr, /schedule-exists/)
  const lines = jsonLines((await bench.run(['scans', 'list', '--json'])).stdout)
  t.same(schemaErrors(lines), [])
  t.match(lines.at(-1), { name: 'dmz', every: '1d', window: '22:00-06:00', pace: { rate: 50 } })
  t.equal((await bench.run(['scans', 'remove', 'dmz'])).code, 0)
  t.equal((await bench.run(['scans', 'remove', 'dmz'])).code, 4)
})

t.test('results go to a file, and --fail-on turns findings into an exit code', async (t) => {
  const file = join(bench.state, '..', 'result.csv')
  const ran = await bench.run([...scanWords, '--csv', '-o', file, '--fail-on', 'warning'])
  t.equal(ran.code, 1)
  t.equal(ran.stdout, '')
  t.equal(readFileSync(file, 'utf8').trimEnd().split('\n').length, 2, 'the head line and the endpoint left')
  t.equal((await bench.run([...scanWords, '-q', '--fail-on', 'critical'])).code, 0)
})

t.test('--quiet leaves nothing but results', async (t) => {
  const ran = await bench.run([...scanWords, '--quiet', '--json'])
  t.equal(ran.stderr, '')
  t.equal(jsonLines(ran.stdout).length, 2)
})

t.test('names are asked for where TLS answers, and only what they bring is kept', async (t) => {
  const own = createBench()
  t.teardown(() => own.remove())
  const [first, second] = [
    createCertificate({ names: ['first.test'] }),
    createCertificate({ names: ['second.test'] })
  ]
  const peer = await startTls({ show: [first], byName: { 'second.test': second } })
  t.teardown(() => peer.close())
  const ran = await own.run([
    'scan',
    `127.0.0.1:${peer.port}`,
    '--sni',
    'second.test,first.test,third.test',
    '--json'
  ])
  t.equal(ran.code, 0, ran.stderr)
  t.match(ran.stderr, /\nNames where scan 1 found TLS: 1 address, 1 port: 3 pairs/)
  const endpoints = jsonLines(ran.stdout).filter((line) => line['type'] === 'endpoint')
  t.same(
    endpoints.map(({ name, certificates }) => [name, (certificates as { label: string }[])[0]?.label]),
    [
      [null, 'first.test'],
      ['second.test', 'second.test']
    ]
  )
  t.match(jsonLines((await own.run(['inventory', '--json'])).stdout).at(-1), {
    type: 'summary',
    endpoints: 2
  })
  t.notOk(existsSync(join(own.state, 'scan-1.lock')))
})
