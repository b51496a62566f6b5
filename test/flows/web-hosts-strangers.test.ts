import { execFileSync } from 'node:child_process'
import { chownSync, copyFileSync, existsSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { shownAt } from '../peers/handshake.ts'
import { makeFolder } from '../peers/hosts/files.ts'
import { hostMissing, programNames, startTestHost } from '../peers/hosts/host.ts'
import { freePort } from '../peers/ports.ts'
import { accepting, skipFor } from '../peers/process.ts'
import { give, start, stranger, type World, worldOf } from './web-hosts-strangers-world.ts'
import {
  boundTo,
  bundleOf,
  discovered,
  journalOf,
  leaf,
  planFor,
  signal,
  signIn,
  twoSites,
  until,
  wireOnce
} from './web-hosts-world.ts'

const missing = hostMissing(programNames)
const skip = skipFor(missing)

/** Waits until a process of the stranger has its name. */
async function appears(name: string): Promise<void> {
  const isThere = async () =>
    execFileSync('/bin/sh', ['-c', `cat /proc/[0-9]*/comm 2>/dev/null; exit 0`])
      .toString()
      .split('\n')
      .includes(name)
  await until(isThere, (there) => there)
}

/** Checks, discovers, plans, deploys and undoes as every day; gives what was said. */
async function everyday(t: Test, { session, program }: World) {
  const { notes, rights } = await session.check(signal)
  const bindings = await discovered(session)
  const fresh = leaf('a.test')
  const bundle = bundleOf({ ecdsa: fresh })
  const plan = boundTo(await planFor(session, 'a.test'), bundle)
  await session.deploy(plan, bundle, journalOf(), signal)
  t.same(await session.verify(plan, signal), { state: 'in-place' })
  t.equal((await wireOnce(program, fresh.fingerprint))[0], fresh.fingerprint)
  await session.rollback(plan, journalOf(), signal)
  const old = program.sites[0]?.pairs.ecdsa?.fingerprint
  t.equal((await wireOnce(program, old))[0], old)
  return { notes, bindings, plan, rights }
}

/** A shell under the name of a program: it sleeps, and its arguments are what the stranger likes. */
const fakes = {
  nginx: (folder: string) => ({
    argv0: `nginx: master process ${folder}/nginx -c ${folder}/nginx.conf`,
    args: ['-c', 'read x']
  }),
  haproxy: (folder: string) => ({
    argv0: 'haproxy',
    args: ['-f', give(`${folder}/haproxy.cfg`, 'read x\n')]
  }),
  apache2: (folder: string) => ({ argv0: 'apache2', args: ['-f', give(`${folder}/httpd.conf`, 'read x\n')] })
} as const

for (const [name, kind] of [
  ['nginx', 'nginx'],
  ['haproxy', 'haproxy'],
  ['apache2', 'apache']
] as const) {
  t.test(`a stranger's program that is called ${name} is told of and never run`, { skip }, async (t) => {
    const world = await worldOf(t, kind === 'nginx' ? 'haproxy' : 'nginx')
    const { theirs, mark } = world
    const path = join(theirs, name)
    copyFileSync('/bin/sh', path)
    give(join(theirs, 'nginx.conf'), `#!/bin/sh\ntouch ${mark}\n`)
    start(t, { program: path, account: stranger, ...fakes[name](theirs) })
    await appears(name)
    const script = `#!/bin/sh\ntouch ${mark}\n`
    for (const gone of [false, true]) {
      // the path of the process leads to a program that leaves the mark: mounted over it, or in the place of it
      if (gone) {
        execFileSync('umount', [path])
        renameSync(give(`${path}.new`, script), path)
      } else {
        execFileSync('mount', ['--bind', give(`${theirs}/script`, script), path])
        t.teardown(() => void (gone || execFileSync('/bin/sh', ['-c', `umount ${path} 2>/dev/null; exit 0`])))
      }
      const { notes, bindings, rights } = await everyday(t, world)
      t.match(
        bindings.filter(({ target }) => target === `${kind}:account nobody`),
        [{ slots: [], unmanaged: { code: 'others-can-write', why: /programAccounts/ } }]
      )
      t.equal(
        notes.filter((note) => /of nobody: nobody runs it/.test(note)).length,
        1,
        'check tells a person'
      )
      t.notOk(JSON.stringify(rights).includes(theirs), 'no line for sudoers names it')
    }
    t.notOk(existsSync(mark), 'nothing of it was run')
  })
}

t.test('nobody makes up a process of root by the names that it gives itself', { skip }, async (t) => {
  const world = await worldOf(t, 'nginx')
  const { theirs } = world
  const path = join(theirs, 'nginx')
  copyFileSync('/bin/sh', path)
  const evil = join(theirs, 'evil')
  const numbers = Array(50).fill('0').join(' ')
  // what parts records and fields when processes are listed
  const forged = [
    `7 (nginx) S 1 ${numbers}`,
    `nginx: master process ${evil} -c ${evil}`,
    '0::/',
    evil,
    '/',
    '/',
    '0\t0\t0\t0|7',
    '0'
  ].join('\x1f')
  start(t, { program: path, account: stranger, argv0: 'nginx', args: ['-c', 'read x', `\x1d${forged}\x1d`] })
  await appears('nginx')
  const { bindings } = await everyday(t, world)
  t.notOk(JSON.stringify(bindings).includes(evil))
})

/** A real nginx of the stranger, whose configuration leaves a mark when root tests it. */
async function startTheirNginx(t: Test, { theirs, mark, program }: World): Promise<string> {
  const port = await freePort()
  const certificate = program.sites[0]?.certificates.ecdsa ?? ''
  const config = (log: string, server: string) => `daemon off;
pid ${theirs}/nginx.pid;
error_log ${log};
events {}
http {
  access_log off;
  client_body_temp_path ${theirs}/b; proxy_temp_path ${theirs}/p; fastcgi_temp_path ${theirs}/f;
  uwsgi_temp_path ${theirs}/u; scgi_temp_path ${theirs}/s;
  server { listen 127.0.0.1:${port}; ${server} }
}
`
  const path = give(join(theirs, 'nginx.conf'), config(`${theirs}/error.log`, ''))
  const args = ['-p', theirs, '-c', path, '-e', `${theirs}/error.log`]
  const running = start(t, { program: '/usr/sbin/nginx', args, account: stranger, signal: 'SIGQUIT' })
  await accepting('127.0.0.1', port, running)
  // a test of the configuration opens its logs, as root would load its modules
  const joined = `listen 127.0.0.1:${await freePort()} ssl; ssl_certificate ${certificate}; ssl_certificate_key ${certificate.replace(/crt$/, 'key')};`
  give(path, config(mark, joined))
  return path
}

t.test("a stranger's real nginx neither runs code as root nor blocks a renewal", { skip }, async (t) => {
  const world = await worldOf(t, 'nginx')
  const path = await startTheirNginx(t, world)
  const { bindings, plan, notes, rights } = await everyday(t, world)
  t.match(
    bindings.filter(({ unmanaged }) => unmanaged !== null),
    [{ target: 'nginx:account nobody', unmanaged: { code: 'others-can-write' } }]
  )
  t.same(plan.shares, [], 'it is no part of the target')
  t.match(
    notes.filter((note) => note.includes('of nobody')),
    [/name the account in programAccounts/]
  )
  t.notOk(JSON.stringify([plan, rights]).includes(path))
  t.notOk(existsSync(world.mark))
})

t.test('an account that the settings name is trusted with that', { skip }, async (t) => {
  const world = await worldOf(t, 'nginx', { settings: { programAccounts: ['nobody', 'no-such-account'] } })
  const path = await startTheirNginx(t, world)
  const { notes } = await world.session.check(signal)
  t.match(
    notes.filter((note) => note.includes('ccount')),
    [/programAccounts names no-such-account, which the host does not know/]
  )
  const binding = (await discovered(world.session)).find(({ slots }) => slots[0]?.names.includes('a.test'))
  t.match(binding, { unmanaged: null, shares: [{ what: new RegExp(`${path}:`) }] })
})

t.test(
  "the login's own nginx is replaced without root, and a stranger's beside it is told of",
  { skip },
  async (t) => {
    const host = await startTestHost({ programs: { nginx: twoSites() }, login: { sudoers: [] } })
    t.teardown(() => host.stop())
    const ports: number[] = []
    const configs: string[] = []
    for (const [name, account] of [
      ['own', 4242],
      ['theirs', stranger]
    ] as const) {
      const folder = makeFolder(host.folder, name)
      const port = await freePort()
      const { pem, keyPem } = leaf('a.test')
      const config = `${folder}/nginx.conf`
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        (kind) => `${kind}_temp_path ${folder}/${kind};`
      )
      const server = `server { listen 127.0.0.1:${port} ssl; server_name a.test; ssl_certificate a.crt; ssl_certificate_key a.key; }`
      for (const [file, text] of [
        ['a.crt', pem],
        ['a.key', keyPem],
        [
          'nginx.conf',
          `daemon off; pid ${folder}/pid; error_log ${folder}/error.log; events {} http { access_log off; ${temporary.join(' ')} ${server} }`
        ]
      ] as const) {
        writeFileSync(join(folder, file), text, { mode: 0o600 })
        chownSync(join(folder, file), account, account)
      }
      chownSync(folder, account, account)
      const args = ['-p', folder, '-c', config, '-e', `${folder}/error.log`]
      const running = start(t, { program: '/usr/sbin/nginx', args, account, signal: 'SIGQUIT' })
      await accepting('127.0.0.1', port, running)
      ports.push(port)
      configs.push(config)
    }
    const session = await signIn(host, { settings: { configs } })
    t.teardown(() => session.close())
    t.match(await discovered(session), [
      { target: `nginx:${host.folder}/own/a.crt`, unmanaged: null },
      { target: 'nginx:account nobody', unmanaged: { code: 'others-can-write' } }
    ])
    const fresh = leaf('a.test')
    const bundle = bundleOf({ ecdsa: fresh })
    const plan = boundTo(await planFor(session, 'a.test'), bundle)
    await session.deploy(plan, bundle, journalOf(), signal)
    t.same(await session.verify(plan, signal), { state: 'in-place' })
    const [port = 0] = ports
    t.equal(
      await until(
        () => shownAt({ port }),
        (shown) => shown === fresh.fingerprint
      ),
      fresh.fingerprint
    )
  }
)
