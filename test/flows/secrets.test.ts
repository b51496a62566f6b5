import { spawn } from 'node:child_process'
import { chmodSync, cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { hostMissing, startTestHost } from '../peers/hosts/host.ts'
import { keyBeside } from '../peers/hosts/files.ts'
import { pebbleMissing, startPebble } from '../peers/pebble.ts'
import { temporaryFolder, skipFor } from '../peers/process.ts'
import { type ProcessWatch, watchProcesses } from '../peers/process-watch.ts'
import { type Hit, type Places, type Sought, searchSecrets } from '../peers/secret-search.ts'
import { snmpdMissing, startSnmpd } from '../peers/snmpd.ts'
import { type Act, actor, overSsh, secretFile, startAppliance } from './appliance-world.ts'
import { type Bench, createBench } from './cli.ts'
import {
  answersOf,
  keysIn,
  numbersOf,
  pkcs12,
  seedOf,
  vaultSecrets,
  withPassphrase
} from './secrets-world.ts'
import { leaf, until } from './web-hosts-world.ts'

const missing = hostMissing(['nginx', 'haproxy']) ?? pebbleMissing('debian') ?? snmpdMissing()
const skip = skipFor(missing)

/** what a person gives, with the characters that are written in other ways in JSON, URLs and shells */
const given = {
  password: 'log-in "pässword" \\ 17',
  passphrase: "key's pass & phrase 18",
  'wrong password': 'mistyped "pässword" 19',
  'PKCS#12 password': 'bought & "sealed" 20',
  'wrong PKCS#12 password': 'mistyped & "sealed" 21',
  'SNMP authentication': 'snmp auth $HOME 22',
  'SNMP privacy': 'snmp priv `id` 23',
  'MAC key': Buffer.from('external account binding key 24!').toString('base64url'),
  'wrong MAC key': Buffer.from('another account binding key 25!!').toString('base64url'),
  'TSIG key': Buffer.from('transaction signature key 26 !!!').toString('base64')
}

/** the process, the host folders and everything temporary of it in one folder */
async function worldOf(t: Test) {
  const own = temporaryFolder()
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = own.path
  t.teardown(() => {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
    own.remove()
  })
  const bought = leaf('mail.test')
  const login = { sudoers: ['%u ALL=(ALL) ALL'], password: given.password }
  const both = { rsa: leaf('a.test', 'rsa2048'), ecdsa: leaf('a.test') }
  const one = (name: string) => [{ names: [name], listener: 'front', pairs: { ecdsa: leaf(name) } }]
  const web1 = await startTestHost({
    programs: { nginx: [{ names: ['a.test'], listener: 'front', pairs: both }] }
  })
  t.teardown(() => web1.stop())
  const web2 = await startTestHost({ programs: { haproxy: one('b.test'), files: one('mail.test') }, login })
  t.teardown(() => web2.stop())
  // the login may use it: keys come to HAProxy that way
  chmodSync(web2.programs[0]?.facts['adminSocket'] ?? '', 0o666)
  const pebble = await startPebble({ withDns: true, bindings: { kid: given['MAC key'] } })
  t.teardown(() => pebble.stop())
  const user = { name: 'monitor', authentication: 'SHA-256', privacy: 'AES' }
  const [authenticationKey, privacyKey] = [given['SNMP authentication'], given['SNMP privacy']]
  const agent = await startSnmpd({ users: [{ ...user, authenticationKey, privacyKey }] })
  t.teardown(() => agent.stop())
  return { own: own.path, bought, web1, web2, pebble, agent }
}

type World = Awaited<ReturnType<typeof worldOf>>

/** A bench whose commands keep what they must keep for a moment in the folder of the world. */
function benchIn(t: Test, own: string): Bench {
  const bench = createBench()
  t.teardown(() => bench.remove())
  const inside: Bench['start'] = (words, options = {}) =>
    bench.start(words, { ...options, env: { TMPDIR: own, ...options.env } })
  return { ...bench, start: inside, run: (words, options) => inside(words, options).ended }
}

/** Files with what a person gives, in a folder that is not searched. */
function filesOf({ own, web1, bought }: World) {
  const folder = join(own, 'given')
  const file = (name: keyof typeof given) =>
    secretFile(folder, name.replaceAll(' ', '-').replace('#', ''), given[name])
  const login = withPassphrase(folder, web1.sshd.privateKey, given.passphrase)
  return { folder, file, login, pkcs12: pkcs12(folder, bought, given['PKCS#12 password']) }
}

type Files = ReturnType<typeof filesOf>

/** What is done before anything runs in the background: commands that work by themselves. */
async function beginnings(act: Act, { agent }: World, { file, pkcs12 }: Files): Promise<void> {
  const snmp = [
    '--secret-file',
    `auth=${file('SNMP authentication')}`,
    '--secret-file',
    `priv=${file('SNMP privacy')}`
  ]
  const find = ['device', 'find', '127.0.0.1', '--port', String(agent.port), '--user', 'monitor', ...snmp]
  const found = await act([...find, '--json'])
  if (!found.stdout.includes('127.0.0.1')) throw new Error(`the agent was not found: ${found.stdout}`)
  await act(['issuer', 'add', 'ca', 'private-ca', 'keyType=rsa-2048'])
  await act(['import', pkcs12, '--password-file', file('wrong PKCS#12 password')], { code: 'fails' })
  await act(['import', pkcs12, '--password-file', file('PKCS#12 password'), '--json'])
}

/** Devices and an issuer with credentials, right ones and wrong ones. */
async function setUp(act: Act, { web1, web2, pebble }: World, { folder, file, login }: Files): Promise<void> {
  const key = ['--secret-file', `key=${login}`, '--secret-file', `passphrase=${file('passphrase')}`]
  await act(['device', 'add', 'web1', ...overSsh(web1), ...key])
  const [haproxy, mail] = web2.programs
  const certificate = mail?.sites[0]?.certificates.ecdsa ?? ''
  const entry = [
    `name=mail cert=${certificate} key=${keyBeside(certificate)} reload="/bin/true"`,
    `served=127.0.0.1:${mail?.sites[0]?.port}@mail.test`
  ].join(' ')
  const settings = ['auth=password', 'sudo=everything', `files=${entry}`]
  const byPassword = ['--secret-file', `password=${file('password')}`]
  const sudo = ['--secret-file', `sudo-password=${file('password')}`]
  const reached = overSsh({ ...web2, programs: haproxy ? [haproxy] : [] }, settings)
  await act(['device', 'add', 'bad', ...reached, '--secret-file', `password=${file('wrong password')}`], {
    code: 'fails'
  })
  await act(['device', 'add', 'web2', ...reached, ...byPassword, ...sudo])
  const proofs = [
    { names: ['*'], solver: { kind: 'http-listener', host: '127.0.0.1', port: pebble.httpPort } }
  ]
  const { directoryUrl, trustRoots } = pebble
  const binding = { keyId: 'kid', macKey: 'mac-key' }
  const acme = { directoryUrl, trustRoots, agreesToTerms: true, binding, proofs }
  const form = ['acme', '--settings', secretFile(folder, 'acme.json', JSON.stringify(acme))]
  await act(['issuer', 'add', 'bad', ...form, '--secret-file', `mac-key=${file('wrong MAC key')}`], {
    code: 'fails'
  })
  const keys = [
    '--secret-file',
    `mac-key=${file('MAC key')}`,
    '--secret-file',
    `tsig-key=${file('TSIG key')}`
  ]
  await act(['issuer', 'add', 'acme', ...form, ...keys])
}

/** Replacements that succeed, and one that is undone. */
async function replaceAll(act: Act): Promise<void> {
  await act(['profile', 'set', 'web', 'issuer=acme', 'keyTypes=ec-p256,rsa-2048'])
  await act(['profile', 'set', 'inside', 'issuer=ca'])
  await act(['profile', 'set', 'bought', 'issuer=bought'])
  for (const device of ['web1', 'web2']) {
    await act(['device', 'check', device, '--json'])
    await act(['device', 'discover', device, '--json'])
    await act(['device', 'allow', device])
  }
  const listed = await act(['device', 'discover', 'web2'])
  const targetOf = (program: string) => new RegExp(`${program}:\\S+`).exec(listed.stdout)?.[0] ?? program
  await act(['replace', 'web1/*', '--profile', 'web', '--plan'])
  await act(['replace', 'web1/*', '--profile', 'web', '--yes', '--json'])
  await act(['replace', `web2/${targetOf('haproxy')}`, '--profile', 'inside', '--yes'])
  // its reload does nothing: the old certificate stays in sight, and everything is undone
  await act(['replace', `web2/${targetOf('files')}`, '--profile', 'bought', '--yes'], { code: 9 })
}

/** Everything that tells something. */
async function tellAll(act: Act): Promise<void> {
  await act(['profile', 'assign', 'web', 'web1/*'])
  await act(['why', 'web1/*', 'web2/*', '--json'])
  await act(['events', '--json'])
  for (const id of ['1', '2', '3', '4']) await act(['events', 'show', id, '--json'])
  await act(['device', 'list', '--json'])
  await act(['issuer', 'list', '--json'])
  for (const issuer of ['acme', 'ca', 'bought']) await act(['issuer', 'check', issuer, '--json'])
  await act(['vault', 'show', '--json'])
  await act(['vault', 'rotate'])
}

const asked: readonly (readonly [string, ...unknown[]])[] = [
  ['devices'],
  ['issuers'],
  ['profiles'],
  ['connectorForms'],
  ['issuerForms'],
  ['vaultState'],
  ['checkIssuer', 'ca'],
  ['devicePins', 'web1'],
  ['events', {}],
  ...[1, 2, 3, 4].flatMap((id) => [
    ['eventById', id] as const,
    ['eventHistory', id] as const,
    ['eventPlans', id] as const,
    ['eventRequests', id] as const
  ]),
  ['why', { device: 'web1', target: null }],
  ['no such function']
]

/** Where a secret belongs: key files of the host, the login's key on it, the file that opens the vault. */
function belongs({ secret, place }: Hit): boolean {
  const isKeyFile = /\/(nginx|files)\/tls\/.*\.key$|\/haproxy\/tls\//.test(place)
  if (isKeyFile) return secret.startsWith('key /')
  return (
    (secret === 'login key' && place.endsWith('/ssh/client')) ||
    (secret === 'vault key' && place.endsWith('/config/vault.key'))
  )
}

const strayed = (sought: readonly Sought[], places: Places): Hit[] =>
  searchSecrets(sought, places).hits.filter((hit) => !belongs(hit))

/** Every secret of the world, as it is known now. */
async function secretsOf({ web1, web2, bought }: World, state: string, config: string): Promise<Sought[]> {
  const digits = /[0-9a-f]{64}/.exec(readFileSync(join(config, 'vault.key'), 'utf8'))?.[0] ?? ''
  const bytes = (['MAC key', 'wrong MAC key', 'TSIG key'] as const).map((name) => ({
    name: `bytes of ${name}`,
    value: Buffer.from(given[name], 'base64')
  }))
  return [
    ...Object.entries(given).map(([name, value]) => ({ name, value })),
    ...bytes,
    { name: 'vault key', value: Buffer.from(digits, 'hex') },
    { name: 'login key', value: seedOf(web1.sshd.privateKey) },
    ...(await vaultSecrets(state, config)),
    ...numbersOf('bought key', bought.keyPem),
    ...[web1, web2].flatMap(({ folder }) => keysIn(folder))
  ]
}

/** Each value once, by the last of its names: that of the file where it belongs. */
function unique(sought: readonly Sought[]): Sought[] {
  return [...new Map(sought.map((one) => [Buffer.from(one.value).toString('hex'), one])).values()]
}

/** names of secrets that must be among those that are sought */
const kinds = [
  /^data key 1$/,
  /^data key 2$/,
  /^key of account acme\/1 d$/,
  /^key of authority ca\/root p$/,
  /^key of authority ca\/issuer q$/,
  /^passphrase of device /,
  /^bought key d$/,
  /^key \/.*nginx.*\.key q$/,
  /^key \/.*nginx.*\.key d$/,
  /^key \/.*haproxy.* d$/
]

const planted = { name: 'planted', value: 'pl@nted "secret" \\ 99' }

/** Starts a process that shows the planted secret, and waits until it was seen. */
async function plantProcess(watch: ProcessWatch): Promise<void> {
  const child = spawn('/bin/sleep', ['60'], { env: { PLANTED: planted.value } })
  const other = spawn('/bin/sh', ['-c', 'sleep 60; :', planted.value])
  const isSeen = ({ commandLines, environments }: ReturnType<ProcessWatch['seen']>) =>
    commandLines.includes(planted.value) && environments.includes(planted.value)
  const seen = await until(async () => watch.seen(), isSeen)
  for (const one of [child, other]) one.kill('SIGKILL')
  if (!isSeen(seen)) throw new Error('the process list is watched')
}

/** Puts the planted secret into a copy of the database; the write-ahead log has it while `search` runs. */
function plantInCopy(state: string, copy: string, search: () => Hit[]): { wal: Hit[]; database: Hit[] } {
  cpSync(state, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') })
  const database = new Database(join(copy, 'tlsward.db'))
  database.pragma('journal_mode = WAL')
  database.exec('CREATE TABLE planted (record TEXT)')
  database.prepare('INSERT INTO planted VALUES (?)').run(JSON.stringify({ of: planted.value }))
  const wal = search()
  database.close()
  return { wal, database: search() }
}

t.test('no secret is anywhere but where it belongs', { skip, timeout: 900_000 }, async (t) => {
  const watch = watchProcesses()
  t.teardown(() => watch.stop())
  const world = await worldOf(t)
  const bench = benchIn(t, world.own)
  const config = join(bench.state, '../config')
  const outputs: Record<string, string> = {}
  const act = actor(bench, (words, { stdout, stderr }) => {
    outputs[`${Object.keys(outputs).length} tlsward ${words.slice(0, 3).join(' ')}`] = stdout + stderr
  })
  const files = filesOf(world)
  await beginnings(act, world, files)
  const appliance = await startAppliance(bench)
  t.teardown(() => appliance.stop())
  await setUp(act, world, files)
  await replaceAll(act)
  const early = await secretsOf(world, bench.state, config)
  await tellAll(act)
  outputs['answers of the socket'] = await answersOf(join(bench.state, 'tlsward.sock'), asked)
  const sought = unique([...early, ...(await secretsOf(world, bench.state, config))])
  t.same(
    kinds.filter((kind) => !sought.some(({ name }) => kind.test(name))),
    [],
    'secrets of every kind are sought'
  )
  t.same(strayed(sought, { paths: [bench.state] }), [], 'the database and its log while it is written')
  const ended = await appliance.stop()
  outputs['log of tlsward run'] = ended.stdout + ended.stderr
  await plantProcess(watch)
  watch.stop()

  const left = readdirSync(world.own).filter((name) => name !== 'given' && !name.startsWith('peers-'))
  const paths = [...left.map((name) => join(world.own, name)), world.web1.folder, world.web2.folder]
  const texts = { ...outputs, ...watch.seen() }
  const { files: looked, bytes, forms } = searchSecrets(sought, { paths, texts })
  const hits = strayed(sought, { paths, texts })
  t.same(hits, [])

  const copy = join(world.own, 'copy')
  const { wal, database } = plantInCopy(bench.state, copy, () => strayed([planted], { paths: [copy] }))
  t.match(wal, [{ form: 'JSON', place: /-wal$/ }])
  t.match(database, [{ form: 'JSON', place: /tlsward\.db$/ }])
  t.same(
    strayed([planted], { texts }).map(({ place }) => place),
    ['commandLines', 'environments']
  )
  for (const [name, text] of Object.entries(outputs)) {
    t.match(
      strayed([planted], { texts: { [name]: `${text}${Buffer.from(planted.value).toString('hex')}\n` } }),
      [{ form: 'hex', place: name }]
    )
  }
  const nginx = join(world.web1.folder, 'nginx/tls')
  const keys = keysIn(nginx)
  cpSync(keys[0]?.name.split(' ')[1] ?? '', join(nginx, 'planted.crt'))
  t.ok(strayed(keys, { paths: [nginx] }).every(({ place }) => place.endsWith('planted.crt')))
  t.not(strayed(keys, { paths: [nginx] }).length, 0)
  t.comment(
    `table: secrets: ${sought.length} values × ${forms} encodings searched in ${bytes} bytes of ${looked} files, ` +
      `${Object.keys(outputs).length} outputs and ${watch.count()} processes: ${hits.length || 'none'} found, planted ones found`
  )
})
