import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { localFiles } from '../../connectors/shared/local-files.ts'
import { openLocalHost } from '../../connectors/shared/local-host.ts'
import { parseApache } from '../../connectors/web-hosts/apache-config.ts'
import { readUses as apacheUses } from '../../connectors/web-hosts/apache.ts'
import type { Kind, Reading, Use } from '../../connectors/web-hosts/model.ts'
import { parseNginx } from '../../connectors/web-hosts/nginx-config.ts'
import { readUses as nginxUses } from '../../connectors/web-hosts/nginx.ts'
import { type Target, targetsOf } from '../../connectors/web-hosts/targets.ts'
import { trustOf } from '../../connectors/web-hosts/trust.ts'
import { systemClock } from '../../core/clock.ts'
import { createCertificate } from '../peers/certificates.ts'
import { temporaryFolder } from '../peers/process.ts'

const host = openLocalHost(systemClock).with(new AbortController().signal)
const files = localFiles(host)

const uid = process.getuid?.() ?? 0
const login = { uid, user: 'me', groups: [], signedIn: uid, named: new Map<string, number>() }
const looking = { files, trust: trustOf({ host, files }, login) }

/** A folder with pairs NAME.crt and NAME.key for names. */
function folderWith(t: Test, names: Readonly<Record<string, string>>): string {
  const { path, remove } = temporaryFolder()
  t.teardown(remove)
  for (const [file, name] of Object.entries(names)) {
    const { pem, keyPem } = createCertificate({ names: [name] })
    mkdirSync(dirname(join(path, file)), { recursive: true })
    writeFileSync(join(path, `${file}.crt`), pem)
    writeFileSync(join(path, `${file}.key`), keyPem)
  }
  return path
}

function readingOf(kind: Kind, uses: readonly Use[]): Reading {
  const program = { kind, name: kind, id: kind, version: '1', test: null, reload: null, start: null }
  return {
    program: { ...program, began: null, isReplaced: false, trouble: null },
    uses,
    configs: [],
    unreadable: [],
    exposed: [],
    sockets: [],
    keepers: [],
    bufferSize: 0,
    ports: []
  }
}

function ofNginx(folder: string, text: string, addresses = ['192.0.2.1', '2001:db8::1']): Promise<Target[]> {
  const { uses } = nginxUses(parseNginx(`http { ${text} }`, 'f'), folder)
  return targetsOf({ readings: [readingOf('nginx', uses)], leftAlone: [] }, looking, addresses)
}

const server = (listen: string, name: string, file: string) =>
  `server { listen ${listen} ssl; server_name ${name}; ssl_certificate ${file}.crt; ssl_certificate_key ${file}.key; }`

function placesOf(target: Target | undefined): string[] {
  return (target?.served ?? []).map(({ address, port, name }) => `${address} ${port} ${name ?? '-'}`)
}

t.test('a listener on all addresses is served where nobody listens by name', async (t) => {
  const folder = folderWith(t, { all: 'all.test', one: 'one.test' })
  const [all, one] = await ofNginx(
    folder,
    server('443', 'all.test', 'all') + server('192.0.2.1:443', 'one.test', 'one'),
    ['192.0.2.1', '192.0.2.2']
  )
  t.same(placesOf(all), ['192.0.2.2 443 -', '192.0.2.2 443 all.test'])
  t.same(placesOf(one), ['192.0.2.1 443 -', '192.0.2.1 443 one.test'])
})

t.test('names that a handshake can ask for, and neighbours at the same place', async (t) => {
  const folder = folderWith(t, { a: 'a.test', b: 'b.test' })
  const names = '*.a.test .c.test ~^x _ "" A.TEST 192.0.2.9'
  const [a, b] = await ofNginx(folder, server('[::]:443', names, 'a') + server('[::]:443', 'b.test', 'b'))
  t.same(
    placesOf(a),
    ['-', 'www.a.test', 'c.test', 'www.c.test', 'a.test'].map((name) => `2001:db8::1 443 ${name}`)
  )
  t.same(b?.neighbours(), a?.served)
  t.same(
    a?.neighbours().map(({ name }) => name),
    ['b.test']
  )
})

t.test(
  'a link to another name in the same directory is the same target; one out of it is left alone',
  async (t) => {
    const folder = folderWith(t, { 'a-2025': 'a.test', 'other/b': 'b.test' })
    for (const end of ['crt', 'key']) {
      symlinkSync(`a-2025.${end}`, join(folder, `a.${end}`))
      symlinkSync(`other/b.${end}`, join(folder, `b.${end}`))
    }
    const texts = [
      server('443', 'a.test', 'a'),
      server('444', 'a.test', 'a-2025'),
      server('445', 'b.test', 'b')
    ]
    const targets = await ofNginx(folder, texts.join(''))
    t.equal(targets.length, 2)
    t.match(targets[0], { id: `nginx:${folder}/a-2025.crt`, unmanaged: null, places: { length: 2 } })
    t.match(targets[1], { unmanaged: { code: 'managed-elsewhere', why: /is a link to/ } })
  }
)

t.test('a link to a link of ours stays managed', async (t) => {
  const folder = folderWith(t, { '.tlsward/a.crt/g1-0011223344556677/0': 'a.test' })
  symlinkSync('g1-0011223344556677', join(folder, '.tlsward/a.crt/cur'))
  for (const end of ['crt', 'key']) {
    symlinkSync(`.tlsward/a.crt/cur/0.${end}`, join(folder, `a-2025.${end}`))
    symlinkSync(`a-2025.${end}`, join(folder, `a.${end}`))
  }
  const [target, ...more] = await ofNginx(
    folder,
    server('443', 'a.test', 'a') + server('444', 'a.test', 'a-2025')
  )
  t.match(target, {
    unmanaged: null,
    places: [{ files: [{ own: null }] }, { files: [{ own: { name: '0.crt' } }] }]
  })
  t.same(more, [])
})

t.test('two certificates with one key file, or of one kind in one server, are not changed', async (t) => {
  const folder = folderWith(t, { a: 'a.test', b: 'b.test', c: 'c.test', d: 'd.test' })
  const pair = (certificate: string, key: string) =>
    `ssl_certificate ${certificate}.crt; ssl_certificate_key ${key}.key;`
  const targets = await ofNginx(
    folder,
    `server { listen 443 ssl; ${pair('a', 'a')} } server { listen 444 ssl; ${pair('b', 'a')} }
     server { listen 445 ssl; ${pair('c', 'c')} ${pair('d', 'd')} }`
  )
  t.same(
    targets.map(({ id }) => id),
    [`nginx:${folder}/a.crt`, `nginx:${folder}/c.crt`]
  )
  for (const target of targets) {
    t.match(target, {
      unmanaged: { code: 'unsupported', why: /several different certificates of one kind/ }
    })
  }
})

t.test('certbot keeps what is its own', async (t) => {
  const missing = await ofNginx('/etc/letsencrypt/live/none.test', server('443', 'a.test', 'fullchain'))
  t.match(missing, [{ unmanaged: { code: 'broken', why: /not there/ } }])
})

t.test('Apache: intermediates in one file for all stay for all', async (t) => {
  const folder = folderWith(t, { a: 'a.test', b: 'b.test', chain: 'chain.test', own: 'own.test' })
  const host = (name: string, chain: string) => `<VirtualHost *:443>
ServerName ${name}.test
SSLEngine on
SSLCertificateFile ${name}.crt
SSLCertificateKeyFile ${name}.key
SSLCertificateChainFile ${chain}.crt
</VirtualHost>
`
  const text = `Listen 443\n${host('a', 'chain')}${host('b', 'chain')}${host('own', 'a')}`
  const { uses } = apacheUses(parseApache(text, 'f'), folder)
  const targets = await targetsOf({ readings: [readingOf('apache', uses)], leftAlone: [] }, looking, [
    '192.0.2.1'
  ])
  t.equal(targets.length, 3)
  for (const { unmanaged } of targets.slice(0, 2))
    t.match(unmanaged?.why, /put them into the certificate file/)
})
