import t, { type Test } from 'tap'
import { parseApache, readApacheConfig } from '../../connectors/web-hosts/apache-config.ts'
import { argumentsOf as apacheArguments, readUses as apacheUses } from '../../connectors/web-hosts/apache.ts'
import { ConfigFiles, globPattern } from '../../connectors/web-hosts/config-files.ts'
import {
  bindAddresses,
  crtListEntries,
  parseHaproxy,
  wordsOf
} from '../../connectors/web-hosts/haproxy-config.ts'
import { argumentsOf as haproxyArguments } from '../../connectors/web-hosts/haproxy.ts'
import { parseNginx, readNginxConfig } from '../../connectors/web-hosts/nginx-config.ts'
import { readUses as nginxUses, titleOf } from '../../connectors/web-hosts/nginx.ts'
import { isOther } from '../../connectors/web-hosts/survey.ts'
import { parseFilesEntry } from '../../connectors/web-hosts/plain-files.ts'
import { openLocalHost } from '../../connectors/shared/local-host.ts'
import { TrustedPaths } from '../../connectors/shared/trusted-paths.ts'
import { shellFiles } from '../../connectors/shared/shell-files.ts'
import { systemClock } from '../../core/clock.ts'
import { temporaryFolder } from '../peers/process.ts'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const host = openLocalHost(systemClock).with(new AbortController().signal)
const files = shellFiles(host)
const trusted = new TrustedPaths({ host, files }, [0, process.getuid?.() ?? 0])

function uses(text: string) {
  return nginxUses(parseNginx(text, '/etc/nginx/nginx.conf'), '/etc/nginx').uses
}

/** Writes files below a folder that goes with the test. */
function folderOf(t: Test, texts: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder()
  t.teardown(() => folder.remove())
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(folder.path, name)), { recursive: true })
    writeFileSync(join(folder.path, name), text)
  }
  return folder.path
}

t.test('nginx: words in quotes, escapes, comments and blocks on one line', async (t) => {
  const [http] = parseNginx(
    `http { # a comment; with { marks
      server { listen 443 ssl; server_name "a.test" 'b;c{d}' e\\;f#g; return 200 "x } ; \\" y"; } }`,
    'f'
  )
  const [server] = http?.block ?? []
  t.same(
    server?.block?.map(({ name, args, line }) => [name, args, line]),
    [
      ['listen', ['443', 'ssl'], 2],
      ['server_name', ['a.test', 'b;c{d}', 'e\\;f#g'], 2],
      ['return', ['200', 'x } ; " y'], 2]
    ]
  )
  t.same(
    parseNginx('a; b { c', 'f').map(({ name }) => name),
    ['a', 'b'],
    'an unclosed block ends with the file'
  )
})

t.test('nginx: pairs, names and listeners of servers', async (t) => {
  const [first, second] = uses(`
http {
  ssl_certificate shared.crt; ssl_certificate_key shared.key;
  server { listen 8080; listen 10.0.0.5:443 ssl; listen [::]:443 ssl; listen 443 quic; server_name a.test *.a.test; }
  server { listen 10.0.0.5:443 ssl default_server; server_name _;
    ssl_certificate own.pem; ssl_certificate_key own.pem;
    ssl_certificate /x/ec.crt; ssl_certificate_key /x/ec.key; }
  server { listen 80; }
}`)
  t.match(first, {
    names: ['a.test', '*.a.test'],
    listens: [
      { address: '10.0.0.5', port: 443, isDefault: false },
      { address: '[::]', port: 443, isDefault: true }
    ],
    pairs: [{ object: '/etc/nginx/shared.crt' }]
  })
  t.equal(first?.listens.length, 2, 'neither the plain one nor QUIC')
  t.same(
    second?.pairs.map(({ files }) => files.map(({ role, path }) => `${role} ${path}`)),
    [['combined /etc/nginx/own.pem'], ['cert /x/ec.crt', 'key /x/ec.key']]
  )
  t.match(second?.listens, [{ isDefault: true }])
})

t.test('nginx: certificates that cannot be changed say why', async (t) => {
  const found = uses(`
http {
  server { listen 443 ssl; ssl_certificate c/$ssl_server_name.pem; ssl_certificate_key c/$ssl_server_name.key; }
  server { listen 444 ssl; ssl_certificate a.crt; ssl_certificate_key engine:x:y; }
  server { listen 445 ssl; ssl_certificate a.crt; ssl_certificate_key a.key; ssl_stapling_file a.ocsp; }
}
mail { server { listen 143; protocol imap; starttls on; ssl_certificate m.crt; ssl_certificate_key m.key; } }`)
  t.match(
    found.map(({ pairs }) => pairs[0]?.unmanaged?.why ?? ''),
    [/variable/, /engine/, /ssl_stapling_file/, '']
  )
  t.match(found[3]?.listens, [{ port: 143, starttls: 'imap' }])
})

t.test('nginx: includes stand where they are included, each time', async (t) => {
  const folder = folderOf(t, {
    'nginx.conf': 'http { include conf.d/*.conf; }',
    'conf.d/a.conf': 'server { listen 443 ssl; server_name a.test; include snippets/tls.conf; }',
    'conf.d/b.conf': 'server { listen 443 ssl; server_name b.test; include snippets/tls.conf; }',
    'conf.d/.hidden.conf': 'server { listen 443 ssl; server_name hidden.test; }',
    'snippets/tls.conf': 'ssl_certificate t.crt; ssl_certificate_key t.key;'
  })
  symlinkSync('../conf.d/a.conf', join(folder, 'snippets/loop.conf'))
  const configs = new ConfigFiles(files, trusted)
  const directives = await readNginxConfig(configs, `${folder}/nginx.conf`)
  const read = nginxUses(directives, folder).uses
  t.same(
    read.map(({ names, pairs }) => [names, pairs[0]?.object]),
    [
      [['a.test'], `${folder}/t.crt`],
      [['b.test'], `${folder}/t.crt`]
    ]
  )
  t.equal(configs.seen.length, 4)
})

t.test('nginx: a file that includes itself ends', async (t) => {
  const folder = folderOf(t, { 'nginx.conf': 'http { include nginx.conf; }' })
  t.ok(await readNginxConfig(new ConfigFiles(files, trusted), `${folder}/nginx.conf`))
})

t.test('nginx: the title of a master', async (t) => {
  const { argv0, options } = titleOf(
    'nginx: master process /usr/sbin/nginx -c /etc/n.conf -g daemon on; master_process on;'
  )
  t.equal(argv0, '/usr/sbin/nginx')
  t.same(
    [...options],
    [
      ['-c', '/etc/n.conf'],
      ['-g', 'daemon on; master_process on;']
    ]
  )
})

t.test('globs', async (t) => {
  t.ok(globPattern('*.conf').test('a.conf'))
  t.notOk(globPattern('*.conf').test('.a.conf'))
  t.notOk(globPattern('*.conf').test('aXconf'))
  t.ok(globPattern('[!a]?.c').test('bc.c'))
  t.notOk(globPattern('[!a]?.c').test('ac.c'))
})

t.test('HAProxy: words, addresses and lists', async (t) => {
  t.same(wordsOf('bind "*:443"  ssl crt /a\\ b.pem \'c d\' # rest'), [
    'bind',
    '*:443',
    'ssl',
    'crt',
    '/a b.pem',
    'c d'
  ])
  t.same(wordsOf('  http-request return string "a # \\"b\\""'), [
    'http-request',
    'return',
    'string',
    'a # "b"'
  ])
  t.same(bindAddresses('*:443,[::]:443,10.0.0.5:8443-8444,unix@/x,/y,quic4@:443'), [
    { address: '*', port: 443 },
    { address: '[::]', port: 443 },
    { address: '10.0.0.5', port: 8443 },
    { address: '10.0.0.5', port: 8444 }
  ])
  t.same(bindAddresses(':::443'), [{ address: '[::]', port: 443 }])
  t.same(crtListEntries('# c\na.pem [alpn h2 ssl-min-ver TLSv1.2] a.test !b.test\nb.pem\n'), [
    { file: 'a.pem', names: ['a.test'], line: 2 },
    { file: 'b.pem', names: [], line: 3 }
  ])
  const sections = parseHaproxy([{ path: 'f', text: 'global\n  a b\nfrontend x\n  bind :443 ssl crt y\n' }])
  t.match(sections, [
    { kind: 'global', lines: [{ words: ['a', 'b'] }] },
    { kind: 'frontend', name: 'x', lines: [{ line: 4 }] }
  ])
})

t.test('HAProxy: the command line, also after a reload', async (t) => {
  const line =
    'haproxy -sf 12 13 -x sockpair@3 -W -S /run/m.sock,level,admin -f a.cfg -f conf.d -p /run/h.pid'
  t.same(haproxyArguments(line.split(' ')), {
    configs: ['a.cfg', 'conf.d'],
    masterSocket: '/run/m.sock',
    directory: null,
    hasMaster: true
  })
})

t.test('Apache: continued lines, quotes, sections', async (t) => {
  const directives = parseApache(
    'SSLCertificateFile \\\n  "/a b.crt"\n<VirtualHost *:443 10.0.0.5:443>\n ServerName a.test # x\n</VirtualHost>\n',
    'f'
  )
  t.match(directives, [
    { name: 'sslcertificatefile', args: ['/a b.crt'], line: 1 },
    { name: 'virtualhost', args: ['*:443', '10.0.0.5:443'], line: 3, block: [{ name: 'servername' }] }
  ])
})

t.test('Apache: conditions, variables, includes and inheritance', async (t) => {
  const folder = folderOf(t, {
    'httpd.conf': `LoadModule ssl_module modules/mod_ssl.so
Define TLS \${ROOT}/tls
<IfModule ssl_module>
  Listen 443
</IfModule>
<IfModule !mod_ssl.c>
  Listen 444
</IfModule>
<IfDefine NOPE>
  Listen 445
</IfDefine>
SSLCertificateFile \${TLS}/main.crt
SSLCertificateKeyFile \${TLS}/main.key
IncludeOptional sites/*.conf
`,
    'sites/a.conf': `<VirtualHost *:443>
  ServerName https://a.test:443
  ServerAlias b.test *.b.test
  SSLEngine on
</VirtualHost>
<VirtualHost _default_:443>
  ServerName managed.test
  SSLEngine ON
  SSLCertificateFile /own.pem
</VirtualHost>
MDomain managed.test auto
`
  })
  const world = { modules: new Set<string>(), defines: new Map([['ROOT', '/r']]), root: folder }
  const directives = await readApacheConfig(new ConfigFiles(files, trusted), `${folder}/httpd.conf`, world)
  const read = apacheUses(directives, folder)
  t.same(read.ports, [443])
  t.match(read.uses, [
    {
      names: ['a.test', 'b.test', '*.b.test'],
      listens: [{ address: '*', port: 443, isDefault: true }],
      pairs: [
        { object: '/r/tls/main.crt', files: [{ role: 'cert' }, { role: 'key', path: '/r/tls/main.key' }] }
      ]
    },
    {
      names: ['managed.test'],
      pairs: [{ object: '/own.pem', unmanaged: { code: 'managed-elsewhere', why: /mod_md/ } }]
    }
  ])
})

t.test('Apache: the command line', async (t) => {
  const { config, root, defines, kept } = apacheArguments(
    '/usr/sbin/apache2 -d /srv -f h.conf -D SSL -D FOREGROUND -k start'.split(' ')
  )
  t.same([config, root, defines], ['h.conf', '/srv', ['SSL']])
  t.same(kept, ['-d', '/srv', '-f', 'h.conf', '-D', 'SSL'])
})

t.test('files: an entry, and what is wrong with others', async (t) => {
  t.match(
    parseFilesEntry(
      'name=mail cert=/m.crt key=/m.key reload="/usr/sbin/postfix reload" served=10.0.0.5:25/smtp,[::1]:465@m.test'
    ),
    {
      files: [{ role: 'cert' }, { role: 'key' }],
      reload: { by: 'command', argv: ['/usr/sbin/postfix', 'reload'] },
      served: [
        { address: '10.0.0.5', port: 25, name: null, starttls: 'smtp' },
        { address: '::1', port: 465, name: 'm.test', starttls: null }
      ]
    }
  )
  const wrong = [
    ['cert=a.crt key=/k', /absolute/],
    ['cert=/a.crt', /needs cert= and key=/],
    ['combined=/a signal=HUP', /pidfile=/],
    ['combined=/a reload=postfix', /absolute path of its program/],
    ['combined=/a served=x', /address:port/],
    ['combined=/a colour=red', /colour=red is none of/]
  ] as const
  for (const [entry, message] of wrong) {
    t.throws(() => parseFilesEntry(entry), { code: 'settings-malformed', message })
  }
})

t.test(
  'a program that says it was started with other configurations than the wanted ones is not asked',
  (t) => {
    const wanted = ['/srv/a.conf']
    const other = (kind: 'nginx' | 'haproxy' | 'apache', line: string, cwd: string | null = '/srv') => {
      const argv = kind === 'nginx' ? [line] : line.split(' ')
      return isOther(kind, { argv, cwd }, wanted)
    }
    t.equal(other('nginx', 'nginx: master process nginx -c /srv/b.conf'), true)
    t.equal(other('nginx', 'nginx: master process nginx -c /srv/a.conf'), false)
    t.equal(
      other('nginx', 'nginx: master process nginx -c b.conf'),
      false,
      'relative to a prefix that it knows'
    )
    t.equal(other('nginx', 'nginx: master process nginx'), false, 'what was built in')
    t.equal(other('nginx', 'nginx: worker process'), false)
    t.equal(other('haproxy', 'haproxy -W -f /srv/b.conf -f /srv/c.conf'), true)
    t.equal(other('haproxy', 'haproxy -W -f /srv/b.conf -f a.conf'), false)
    t.equal(other('haproxy', 'haproxy -W -f b.conf'), true)
    t.equal(other('haproxy', 'haproxy -W -f b.conf', null), false, 'its directory is not known')
    t.equal(other('apache', '/usr/sbin/apache2 -f /srv/b.conf -k start'), true)
    t.equal(other('apache', '/usr/sbin/apache2 -f /srv/a.conf -k start'), false)
    t.equal(other('apache', '/usr/sbin/apache2 -k start'), false)
    t.equal(
      isOther('apache', { argv: ['apache2', '-f', '/srv/b.conf'], cwd: '/' }, []),
      false,
      'all are wanted'
    )
    t.end()
  }
)
