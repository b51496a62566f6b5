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
import t from 'tap'
import { makeFolder } from '../peers/hosts/files.ts'
import { hostMissing, programNames, startTestHost } from '../peers/hosts/host.ts'
import { freePort } from '../peers/ports.ts'
import { accepting, isInstalled, skipFor } from '../peers/process.ts'
import { give, start, stranger, worldOf } from './web-hosts-strangers-world.ts'
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
  until
} from './web-hosts-world.ts'

const missing = hostMissing(programNames)
const skip = skipFor(missing)

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
