import { type KeyObject, randomBytes } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { createCertificate } from '../peers/certificates.ts'
import { type KeyKind, createKey } from '../peers/keys.ts'
import { startProcess } from '../peers/process.ts'
import { type Sought, searchSecrets, soughtKey } from '../peers/secret-search.ts'
import { directoryFor } from './inventory-world.ts'

const password: Sought = { name: 'password', value: 'pä"ss\\wörd-🔑-17' }
const plain: Sought = { name: 'token', value: 'hvs.CAESIJlWhBqpX' }
const bytes: Sought = { name: 'bytes', value: randomBytes(32) }

const formsIn = (sought: readonly Sought[], text: string | Uint8Array) =>
  new Set(searchSecrets(sought, { texts: { text } }).hits.map(({ form }) => form))

t.test('each form of a secret is found, and said', (t) => {
  const raw = Buffer.from(password.value)
  const text = String(password.value)
  const planted: readonly (readonly [form: string, planted: string | Uint8Array])[] = [
    ['raw', raw],
    ['hex', raw.toString('hex')],
    ['upper-case hex', raw.toString('hex').toUpperCase()],
    ['base64 at 0', raw.toString('base64')],
    ['base64url at 0', raw.toString('base64url')],
    ['UTF-16LE', Buffer.from(text, 'utf16le')],
    ['hex in UTF-16LE', Buffer.from(raw.toString('hex'), 'utf16le')],
    ['base64 at 0 in UTF-16LE', Buffer.from(raw.toString('base64'), 'utf16le')],
    ['JSON', JSON.stringify({ of: { text } })],
    ['URL', `https://host.test/?password=${encodeURIComponent(text)}&x`]
  ]
  for (const [form, value] of planted) {
    const around = Buffer.concat([randomBytes(1000), Buffer.from(value), randomBytes(1000)])
    t.ok(formsIn([password], around).has(form), form)
  }
  t.end()
})

t.test('base64 is found wherever the secret begins and whatever follows', (t) => {
  for (const sought of [password, plain, bytes]) {
    for (const before of [0, 1, 2, 3, 4, 5]) {
      for (const after of [0, 1, 2]) {
        const whole = Buffer.concat([randomBytes(before), Buffer.from(sought.value), randomBytes(after)])
        for (const encoding of ['base64', 'base64url'] as const) {
          const forms = formsIn([sought], whole.toString(encoding))
          t.ok(forms.has(`${encoding} at ${before % 3}`), `${sought.name}, ${before} before, ${after} after`)
        }
      }
    }
  }
  t.end()
})

t.test('broken into lines it is found all the same', (t) => {
  const raw = Buffer.concat([Buffer.from('x'), Buffer.from(bytes.value), randomBytes(64)])
  const lines = (text: string, length: number, end: string) =>
    (text.match(new RegExp(`.{1,${length}}`, 'g')) ?? []).join(end)
  for (const end of ['\n', '\r\n', '\\n', '\\r\\n', '\n    ']) {
    t.ok(formsIn([bytes], lines(raw.toString('base64'), 19, end)).has('base64 at 1'), JSON.stringify(end))
  }
  t.ok(formsIn([bytes], lines(raw.toString('hex'), 2, ':')).has('hex'), 'as openssl prints it')
  t.ok(formsIn([bytes], lines(raw.toString('hex').toUpperCase(), 2, ' ')).has('upper-case hex'))
  t.end()
})

const kinds: readonly KeyKind[] = ['rsa2048', 'p256', 'p384', 'p521', 'ed25519', 'ed448']

const writings: readonly (readonly [what: string, write: (key: KeyObject) => string | Uint8Array])[] = [
  ['PKCS#8, PEM', (key) => key.export({ type: 'pkcs8', format: 'pem' }).toString()],
  ['PKCS#8, PEM in JSON', (key) => JSON.stringify(key.export({ type: 'pkcs8', format: 'pem' }).toString())],
  [
    'PKCS#8, PEM with CRLF',
    (key) => key.export({ type: 'pkcs8', format: 'pem' }).toString().replaceAll('\n', '\r\n')
  ],
  ['PKCS#8, DER', (key) => key.export({ type: 'pkcs8', format: 'der' })],
  ['PKCS#8, DER as hex', (key) => key.export({ type: 'pkcs8', format: 'der' }).toString('hex')],
  [
    'PEM in base64, as Kubernetes has it',
    (key) => key.export({ type: 'pkcs8', format: 'pem' }).toString('base64')
  ],
  ['JWK', (key) => JSON.stringify(key.export({ format: 'jwk' }))]
]

for (const kind of kinds) {
  t.test(`a key of kind ${kind} is found in every form, and no other key is taken for it`, (t) => {
    const key = createKey(kind)
    const sought = soughtKey(kind, key)
    for (const [what, write] of writings) t.ok(formsIn(sought, write(key)).size > 0, what)
    const other = createKey(kind)
    for (const [what, write] of writings)
      t.same([...formsIn(sought, write(other))], [], `another key: ${what}`)
    t.end()
  })
}

t.test('a certificate and a public key are not taken for their private key', (t) => {
  for (const kind of ['rsa2048', 'p256'] as const) {
    const { pem, der, key } = createCertificate({ names: ['a.test'], key: kind })
    const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...open } = key.export({ format: 'jwk' })
    for (const text of [pem, der, der.toString('hex'), JSON.stringify(open)]) {
      t.same([...formsIn(soughtKey('key', key), text)], [])
    }
  }
  t.end()
})

t.test('a file is found by any of its parts, in a directory of any depth, and by its name', (t) => {
  const directory = directoryFor(t)
  mkdirSync(join(directory, 'a', '.b'), { recursive: true })
  // across the border of the parts in which files are read
  const large = Buffer.concat([Buffer.alloc((8 << 20) - 7), Buffer.from(plain.value), Buffer.alloc(100)])
  writeFileSync(join(directory, 'a', 'large'), large)
  writeFileSync(join(directory, 'a', '.b', '.hidden'), `TOKEN=${String(plain.value)}\n`)
  writeFileSync(join(directory, `session-${String(plain.value)}`), '')
  writeFileSync(join(directory, 'clean'), 'nothing')
  symlinkSync('/proc/self/mem', join(directory, 'link'))
  const { hits, files } = searchSecrets([plain], { paths: [directory, join(directory, 'not-there')] })
  t.same([...new Set(hits.map(({ place }) => place.replace(directory, '')))].sort(), [
    '/a/.b/.hidden',
    '/a/large',
    `the name /session-${String(plain.value)}`
  ])
  t.equal(files, 4)
  t.end()
})

t.test('a database is searched with its log, also where it keeps a value in two parts', (t) => {
  const directory = directoryFor(t)
  const db = new Database(join(directory, 'x.db'))
  t.teardown(() => db.close())
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE x (a INTEGER PRIMARY KEY, b BLOB, c TEXT)')
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.pragma('secure_delete = ON')
  const long: Sought = { name: 'long', value: randomBytes(3_000), pieces: true }
  const look = () => searchSecrets([long], { paths: [directory] }).hits
  t.same(look(), [])
  // a row that is longer than a page goes on in another; how much follows the value moves that border through it
  for (const after of [0, 1_000, 1_500, 2_000, 3_000, 3_500]) {
    db.prepare('INSERT INTO x VALUES (1, ?, ?)').run(long.value, 'x'.repeat(after))
    t.ok(
      look().some(({ place }) => place.endsWith('-wal')),
      `in the log, ${after} after`
    )
    db.pragma('wal_checkpoint(TRUNCATE)')
    t.same(
      look()
        .map(({ place }) => place.replace(directory, ''))
        .filter((place) => place !== '/x.db'),
      [],
      'then only in the database'
    )
    t.ok(look().length > 0)
    db.prepare('DELETE FROM x').run()
    db.pragma('wal_checkpoint(TRUNCATE)')
    t.same(look(), [])
  }
  t.end()
})

t.test('command lines and environments of processes are searched', async (t) => {
  const inLine = `line-${randomBytes(12).toString('hex')}`
  const inEnvironment = `environment-${randomBytes(12).toString('hex')}`
  const sought = [
    { name: 'in the command line', value: inLine },
    { name: 'in the environment', value: inEnvironment }
  ]
  const named = () => searchSecrets(sought, { processes: true }).hits.map(({ secret }) => secret)
  t.same(named(), [])
  const running = startProcess({
    program: process.execPath,
    args: ['-e', 'console.log("up"); process.stdin.resume()', inLine],
    env: { SECRET: inEnvironment }
  })
  t.teardown(() => running.stop())
  while (running.output() === '' && running.exited() === null) await new Promise((go) => setImmediate(go))
  t.same([...new Set(named())].sort(), ['in the command line', 'in the environment'])
  await running.stop()
  t.same(named(), [])
})

t.test('a secret that is too short is refused: it would be found by chance', (t) => {
  t.throws(() => searchSecrets([{ name: 'pin', value: '1234567' }], {}), /pin is too short/)
  t.end()
})
