import { chownSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { shownAt } from '../peers/handshake.ts'
import { hostMissing, startTestHost } from '../peers/hosts/host.ts'
import { startPebble } from '../peers/pebble.ts'
import { freePort } from '../peers/ports.ts'
import { temporaryFolder, skipFor } from '../peers/process.ts'
import { actor, overSsh, secretFile, serveFolder, startAppliance } from './appliance-world.ts'
import { createBench } from './cli.ts'
import { pebbleSkipped } from './issuer-world.ts'
import { leaf } from './web-hosts-world.ts'

const missing = hostMissing(['nginx'])
const noHost = skipFor(missing)
const skip = noHost || pebbleSkipped('debian')

t.test('a CA looks for answers at a web server that is a device, and finds them', { skip }, async (t) => {
  const folder = temporaryFolder()
  t.teardown(() => folder.remove())
  const site = { names: ['a.test', 'b.test'], listener: 'front', pairs: { ecdsa: leaf('a.test') } }
  const host = await startTestHost({ programs: { nginx: [site] } })
  t.teardown(() => host.stop())
  const [nginx] = host.programs
  if (!nginx) throw new Error('nginx was started')
  const webRoot = join(folder.path, 'html')
  const httpPort = await freePort()
  await serveFolder(nginx, webRoot, httpPort)
  chownSync(webRoot, 33, 33)
  const pebble = await startPebble({ withDns: true, httpPort })
  t.teardown(() => pebble.stop())

  const bench = createBench()
  t.teardown(() => bench.remove())
  const act = actor(bench)
  const key = secretFile(folder.path, 'login', host.sshd.privateKey)
  const settings = {
    directoryUrl: pebble.directoryUrl,
    trustRoots: pebble.trustRoots,
    agreesToTerms: true,
    proofs: [{ names: ['*'], solver: { kind: 'http-file', device: 'web1', webRoot } }]
  }
  const file = secretFile(folder.path, 'acme.json', JSON.stringify(settings))
  const appliance = await startAppliance(bench)
  t.teardown(() => appliance.stop())
  await act(['device', 'add', 'web1', ...overSsh(host), '--secret-file', `key=${key}`])
  await act(['issuer', 'add', 'pebble', 'acme', '--settings', file])
  await act(['profile', 'set', 'web', 'issuer=pebble', 'names.rule=exactly', 'names.names=a.test,b.test'])
  await act(['device', 'discover', 'web1'])
  await act(['device', 'allow', 'web1'])
  const [before] = [await shownAt({ port: nginx.sites[0]?.port ?? 0, name: 'a.test' })]
  await act(['replace', 'web1/*', '--profile', 'web', '--yes'])
  const now = await shownAt({ port: nginx.sites[0]?.port ?? 0, name: 'a.test' })
  t.not(now, before)
  t.equal(pebble.gate.count('finalize'), 1)
  t.match(pebble.output(), `validate w/ HTTP: http://a.test:${httpPort}/`)
  t.same(readdirSync(join(webRoot, '.well-known/acme-challenge')), [], 'answers are taken away')

  t.comment('who owns the web root leads the answers elsewhere')
  const elsewhere = temporaryFolder()
  t.teardown(() => elsewhere.remove())
  rmSync(join(webRoot, '.well-known'), { recursive: true })
  symlinkSync(elsewhere.path, join(webRoot, '.well-known'))
  const refused = await act(['replace', 'web1/*', '--profile', 'web', '--yes'], { code: 11 })
  t.match(refused.stdout + refused.stderr, /well-known is a link that others than root/)
  t.same(readdirSync(elsewhere.path), [])
})
