import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  writeFileSync
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { Session } from '../../connectors/contract.ts'
import { shownAt } from '../peers/handshake.ts'
import { makeFolder } from '../peers/hosts/files.ts'
import { hostMissing, programNames, startTestHost, type TestHost } from '../peers/hosts/host.ts'
import type { HostedProgram } from '../peers/hosts/program.ts'
import { freePort } from '../peers/ports.ts'
import { accepting, isInstalled, type Running, startProcess } from '../peers/process.ts'
import {
  boundTo,
  bundleOf,
  discovered,
  journalOf,
  leaf,
  planFor,
  type Reach,
  signal,
  signIn,
  twoSites,
  until,
  wireOnce
} from './web-hosts-world.ts'

const missing = hostMissing(programNames)
const skip = missing !== undefined && process.env['CI'] !== 'true' ? missing : false

/** `nobody` of Debian: an account of the host that has no right to anything */
const stranger = 65_534

interface World {
  readonly host: TestHost
  readonly program: HostedProgram
  readonly session: Session
  /** a folder of the stranger */
  readonly theirs: string
  /** a path where the stranger's code leaves a mark when the login runs it: only root can write there */
  readonly mark: string
}

async function worldOf(t: Test, name: 'nginx' | 'haproxy' | 'apache', reach: Reach = {}): Promise<World> {
  const host = await startTestHost({ programs: { [name]: twoSites() } })
  t.teardown(() => host.stop())
  const [program] = host.programs
  if (!program) throw new Error(`${name} was started`)
  // programs of other tests run on this machine too
  const others = ['nginx.conf', 'haproxy.cfg', 'httpd.conf', 'evil'].map(
    (file) => `${host.folder}/stranger/${file}`
  )
  const configs = [program.config, ...others, `${host.folder}/upgraded/nginx.conf`]
  const session = await signIn(host, { ...reach, settings: { configs, ...reach.settings } })
  t.teardown(() => session.close())
  const theirs = makeFolder(host.folder, 'stranger')
  const marks = makeFolder(host.folder, 'marks')
  chmodSync(marks, 0o700)
  chownSync(theirs, stranger, stranger)
  return { host, program, session, theirs, mark: join(marks, 'root-was-here') }
}

/** Gives a file to the stranger. */
function give(path: string, text: string, mode = 0o755): string {
  writeFileSync(path, text, { mode })
  chownSync(path, stranger, stranger)
  return path
}

function start(t: Test, command: Parameters<typeof startProcess>[0]): Running {
  const running = startProcess(command)
  t.teardown(() => running.stop())
  return running
}

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
  'what others can write is left alone, with the remedy; the rest of the host goes on',
  { skip },
  async (t) => {
    const world = await worldOf(t, 'nginx')
    const { program, session, mark } = world
    const tls = program.folders[0] ?? ''
    const sites = program.folders[1] ?? ''
    const [own, apart] = [program.sites[0]?.certificates.ecdsa ?? '', makeFolder(dirname(tls), 'apart')]
    for (const file of [own, own.replace(/crt$/, 'key')]) copyFileSync(file, join(apart, basename(file)))
    const site = join(sites, '1.conf')
    writeFileSync(site, readFileSync(site, 'utf8').replaceAll(`${tls}/b.test`, `${apart}/a.test`))
    await program.reload()
    const stateOf = async (name: string) =>
      (await discovered(session)).find(({ target }) => target === `nginx:${name}`)?.unmanaged
    chmodSync(apart, 0o2775)
    chownSync(apart, 0, stranger)
    t.match(await stateOf(`${apart}/a.test.crt`), { code: 'others-can-write', why: `chmod g-w ${apart}` })
    t.equal(await stateOf(own), null, 'another target')
    await t.rejects(session.plan({ target: `nginx:${apart}/a.test.crt`, families: ['ecdsa'] }, signal), {
      code: 'device-others-can-write'
    })
    chmodSync(apart, 0o755)
    chownSync(join(apart, 'a.test.key'), stranger, stranger)
    t.match(await stateOf(`${apart}/a.test.crt`), { why: /a\.test\.key belongs to nobody: chown root/ })
    chownSync(join(apart, 'a.test.key'), 0, 0)
    t.equal(await stateOf(`${apart}/a.test.crt`), null)

    // a folder of includes: whoever can write there loads what he likes into the test
    const bundle = bundleOf({ ecdsa: leaf('a.test') })
    const plan = boundTo(await session.plan({ target: `nginx:${own}`, families: ['ecdsa'] }, signal), bundle)
    chmodSync(sites, 0o777)
    give(join(sites, 'evil.conf'), `error_log ${mark};`)
    t.match(await stateOf(sites), { code: 'others-can-write', why: `chmod o-w ${sites}` })
    const refused = { code: 'device-others-can-write', message: new RegExp(`chmod o-w ${sites}`) }
    await t.rejects(session.deploy(plan, bundle, journalOf(), signal), refused, 'what changed since the plan')
    await t.rejects(session.plan({ target: `nginx:${sites}`, families: ['ecdsa'] }, signal), refused)
    const { notes, rights } = await session.check(signal)
    t.match(
      notes.filter((note) => note.includes(sites)),
      [/chmod o-w/]
    )
    t.notOk(
      rights.some(({ what }) => what.startsWith('test ')),
      'no rule of sudo is proposed for it'
    )
    t.notOk(existsSync(mark))
  }
)

t.test(
  'a program that was upgraded while it runs is tested with the new one, and told of',
  { skip },
  async (t) => {
    const world = await worldOf(t, 'haproxy')
    const folder = makeFolder(world.host.folder, 'upgraded')
    const [path, port] = [join(folder, 'nginx'), await freePort()]
    copyFileSync('/usr/sbin/nginx', path)
    const { pem, keyPem } = leaf('up.test')
    writeFileSync(join(folder, 'up.crt'), pem)
    writeFileSync(join(folder, 'up.key'), keyPem, { mode: 0o600 })
    const config = join(folder, 'nginx.conf')
    writeFileSync(
      config,
      `daemon off; pid ${folder}/pid; events {} http { access_log off; server { listen 127.0.0.1:${port} ssl; server_name up.test; ssl_certificate up.crt; ssl_certificate_key up.key; } }`
    )
    const args = ['-p', folder, '-c', config, '-e', `${folder}/error.log`]
    const running = start(t, { program: path, args, signal: 'SIGQUIT' })
    await accepting('127.0.0.1', port, running)
    const order = { target: `nginx:${folder}/up.crt`, families: ['ecdsa'] } as const
    t.same((await world.session.plan(order, signal)).warnings, [])
    copyFileSync('/usr/sbin/nginx', `${path}.new`)
    renameSync(`${path}.new`, path)
    const told = /still runs the program of before an upgrade/
    t.match((await world.session.plan(order, signal)).warnings, [told])
    t.match(
      (await world.session.check(signal)).notes.filter((note) => told.test(note)),
      { length: 1 }
    )
    renameSync(path, `${path}.away`)
    execFileSync('rm', [`${path}.away`])
    const binding = (await discovered(world.session)).find(({ target }) => target === `nginx:${path}`)
    t.match(binding?.unmanaged, { code: 'broken', why: /was removed since it began: start it anew/ })
  }
)

t.test('the new key is not sent to a socket that others can put there', { skip }, async (t) => {
  const world = await worldOf(t, 'haproxy')
  const { program, session } = world
  const open = dirname(program.facts['adminSocket'] ?? '')
  t.ok((await planFor(session, 'a.test')).steps.some(({ id }) => id === 'commit-1'))
  const apart = makeFolder(open, 'sockets')
  writeFileSync(
    program.config,
    readFileSync(program.config, 'utf8').replace(`${open}/admin.sock`, `${apart}/admin.sock`)
  )
  await program.reload()
  await until(async () => existsSync(`${apart}/admin.sock`), Boolean)
  t.ok((await planFor(session, 'a.test')).steps.some(({ id }) => id === 'commit-1'))
  chmodSync(apart, 0o777)
  const plan = await planFor(session, 'a.test')
  t.notOk(plan.steps.some(({ id }) => id.startsWith('commit')))
  t.match(plan.warnings.join(), `chmod o-w ${apart}`)
  const { rights } = await session.check(signal)
  t.match(
    rights.find(({ what }) => what.startsWith('admin socket')),
    {
      granted: false,
      remedy: new RegExp(`chmod o-w ${apart}`)
    }
  )
})

t.test('what is expected and does not run is told by check', { skip }, async (t) => {
  const host = await startTestHost({ programs: { nginx: twoSites() } })
  t.teardown(() => host.stop())
  const config = host.programs[0]?.config ?? ''
  const idle = join(host.folder, 'idle.conf')
  writeFileSync(idle, '')
  const settings = { configs: [config, idle, '/nowhere/nginx.conf'], programs: ['nginx', 'haproxy'] }
  const session = await signIn(host, { settings })
  t.teardown(() => session.close())
  const { notes } = await session.check(signal)
  t.match(notes, [
    new RegExp(`configs names ${idle}, which no running program uses: start it`),
    /configs names \/nowhere\/nginx\.conf, .*: it is not there: correct the setting/,
    /\/usr\/sbin\/haproxy is installed and does not run: start it \(systemctl start haproxy\)/
  ])
  t.ok(isInstalled('/usr/sbin/haproxy'))
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

t.test('what the command line of a program loads counts as its configuration', { skip }, async (t) => {
  const world = await worldOf(t, 'haproxy')
  const folder = makeFolder(world.host.folder, 'upgraded')
  const port = await freePort()
  const { pem, keyPem } = leaf('given.test')
  writeFileSync(join(folder, 'g.crt'), pem)
  writeFileSync(join(folder, 'g.key'), keyPem, { mode: 0o600 })
  const extra = give(join(world.theirs, 'extra.conf'), 'worker_processes 1;')
  writeFileSync(
    join(folder, 'nginx.conf'),
    `pid ${folder}/pid; events {} http { access_log off; server { listen 127.0.0.1:${port} ssl; ssl_certificate g.crt; ssl_certificate_key g.key; } }`
  )
  const args = ['-p', folder, '-c', `${folder}/nginx.conf`, '-e', `${folder}/error.log`]
  const given = ['-g', `daemon off; include ${extra};`]
  const running = start(t, { program: '/usr/sbin/nginx', args: [...args, ...given], signal: 'SIGQUIT' })
  await accepting('127.0.0.1', port, running)
  const stateOf = async () =>
    (await discovered(world.session)).find(({ target }) => target === `nginx:${folder}/g.crt`)?.unmanaged
  t.match(await stateOf(), { code: 'others-can-write', why: `${world.theirs} belongs to nobody` })
  chownSync(world.theirs, 0, 0)
  chownSync(extra, 0, 0)
  t.equal(await stateOf(), null)
})
