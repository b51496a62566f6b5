import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { webHosts } from '../../connectors/web-hosts/index.ts'
import { systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { type Service, serviceMissing, type ServiceName, startService } from '../peers/services.ts'
import { snapshot } from '../peers/hosts/snapshot.ts'
import { skipFor } from '../peers/process.ts'
import { boundTo, bundleOf, discovered, journalOf, leaf, signal, until } from './web-hosts-world.ts'

/** how each program is told; paths are those of its test recipe */
const reloads: Readonly<Partial<Record<ServiceName, (folder: string) => string>>> = {
  dovecot: (folder) => `reload="/usr/bin/doveadm -c ${folder}/dovecot.conf reload"`,
  postfix: (folder) =>
    `reload="/usr/sbin/postfix -c ${folder}/etc reload" test="/usr/sbin/postfix -c ${folder}/etc check"`
}

/** What OpenSSL's client sees at each port of a service, `port fingerprint`. */
function shown({ ports, host }: Service): Promise<string[]> {
  return Promise.all(
    ports.map(async ({ what, port, starttls }) => {
      const start = starttls === null ? '' : `-starttls ${starttls}`
      const look = `openssl s_client -connect ${host}:${port} ${start} < /dev/null 2> /dev/null`
      const { stdout } = await promisify(execFile)('/bin/sh', [
        '-c',
        `${look} | openssl x509 -noout -fingerprint -sha256 2>&1 || true`
      ])
      return `${what} ${stdout.trim().split('=')[1]?.replaceAll(':', '').toLowerCase() ?? stdout.trim()}`
    })
  )
}

for (const [name, reload] of Object.entries(reloads) as [ServiceName, (folder: string) => string][]) {
  const missing = serviceMissing(name)
  const skip = skipFor(missing)
  t.test(`${name} serves a new certificate on all its ports, and the old one again`, { skip }, async (t) => {
    const old = leaf('mail.test')
    const service = await startService(name, { certificate: old })
    t.teardown(() => service.stop())
    const { certificate, key } = service.files
    const folder = dirname(certificate)
    const served = service.ports.map(
      ({ port, starttls }) => `${service.host}:${port}${starttls ? `/${starttls}` : ''}`
    )
    const entry = `name=${name} cert=${certificate} key=${key} served=${served.join(',')} ${reload(folder)}`
    const access = {
      settings: { place: 'local', programs: [], files: [entry] },
      secret: () => undefined,
      pins: [],
      clock: systemClock,
      random: systemRandom,
      log: silentLog
    }
    const session = await webHosts.connect(access, signal)
    t.teardown(() => session.close())
    const [binding] = await discovered(session)
    t.same(
      binding?.served.map(({ port, starttls }) => ({ port, starttls })),
      service.ports.map(({ port, starttls }) => ({ port, starttls }))
    )
    const pictures = () => [certificate, key].map((path) => snapshot([path], 'content')).join('\n')
    const before = pictures()
    const all = (fingerprint: string) => service.ports.map(({ what }) => `${what} ${fingerprint}`)
    const see = (fingerprint: string) =>
      until(
        () => shown(service),
        (lines) => String(lines) === String(all(fingerprint))
      )
    t.same(await see(old.fingerprint), all(old.fingerprint))
    const fresh = leaf('mail.test')
    const bundle = bundleOf({ ecdsa: fresh })
    const plan = boundTo(
      await session.plan({ target: `files:${certificate}`, families: ['ecdsa'] }, signal),
      bundle
    )
    await session.deploy(plan, bundle, journalOf(), signal)
    t.same(await session.verify(plan, signal), { state: 'in-place' })
    t.same(await see(fresh.fingerprint), all(fresh.fingerprint))
    await session.rollback(plan, journalOf(), signal)
    t.same(await see(old.fingerprint), all(old.fingerprint))
    t.equal(pictures(), before)
    t.equal(existsSync(`${folder}/.tlsward`), false)
  })
}
