import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openScreen } from '../../appliance/cli/screen.ts'
import { differences } from '../../demo/differences.ts'
import { openFunctions } from '../../demo/functions.ts'
import { startManaged, type Managed } from '../../demo/managed.ts'
import { replaceAll } from '../../demo/replacement.ts'
import { createSite, type ManagedServer } from '../../demo/servers.ts'
import { shownAt } from '../peers/handshake.ts'
import { processes } from '../peers/hosts/files.ts'
import { freePort } from '../peers/ports.ts'
import { isInstalled, temporaryFolder } from '../peers/process.ts'
import { until } from './web-hosts-world.ts'

const demo = fileURLToPath(new URL('../../demo/main.ts', import.meta.url))

/** A folder for temporary files that is the demo's alone, so that what it leaves shows. */
function folderFor(t: Test) {
  const path = mkdtempSync(join(tmpdir(), 'demo-test-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  const left = async () => [
    ...readdirSync(path),
    ...processes((argv) => argv.some((word) => word.includes(path))).map((pid) => `process ${pid}`)
  ]
  // the shell that watches over it ends a moment after it
  return { env: { ...process.env, TMPDIR: path }, left: () => until(left, ({ length }) => length === 0) }
}

const titles = [
  'Expired',
  'Expires soon',
  'Name mismatch',
  'Self-signed',
  'Chain incomplete',
  'Untrusted root',
  'Weak key',
  'SHA-1 signature',
  'Old protocol'
]

t.test('the demo scans what it starts, replaces what expires, and takes back what is refused', async (t) => {
  const { env, left } = folderFor(t)
  const { status, stdout, stderr } = spawnSync(process.execPath, [demo, '--exit'], { encoding: 'utf8', env })
  t.equal(status, 0, stderr)
  const lines = stdout.trimEnd().split('\n')
  const nginx = isInstalled('/usr/sbin/nginx') ? 1 : 0
  const haproxy = isInstalled('/usr/sbin/haproxy') ? 1 : 0
  const endpoints = 16 + nginx + haproxy
  const certificates = 17 + 2 * nginx + haproxy
  const live = 4 + nginx + haproxy
  const last = new RegExp(
    `^demo: ${endpoints} endpoints, ${certificates} certificates, \\d\\d findings, ${live} live, 1 returned$`
  )
  t.match(lines.at(-1), last)

  const [, told] = /^(\d+) findings above, \d+ notes that are left out$/m.exec(stdout) ?? []
  t.equal(stdout.match(/^ {2}(Critical|Warning) /gm)?.length, Number(told), 'it tells as many as it shows')
  for (const title of titles) t.match(stdout, new RegExp(`(Critical|Warning) +${title}\\.`), title)
  t.match(stdout, /mx\.example .* 1\.3 smtp/, 'STARTTLS')
  t.match(stdout, /www\.example .* ECDSA P-256, RSA 2048/, 'both key types')
  t.match(stdout, /api\.example/, 'the certificate of another name')

  t.equal(
    stdout.match(/→.* Demo Issuing CA +1\.2, 1\.3 +live$/gm)?.length,
    live + nginx,
    'both keys of nginx'
  )
  const date = String.raw`\d+ \w+ \d{4}`
  t.match(
    stdout,
    new RegExp(`plant\\.example +RSA +(${date}) +(Example CA) +→ +\\1 +\\2 +1\\.2, 1\\.3 +rolled-back$`, 'm')
  )
  t.match(stdout, /Returned .*ended with 1: its RSA key has 3072 bits, and this server takes 2048 at most/)
  t.match(stdout, /store\.example is on a pair of BIG-IPs that is simulated/)
  t.match(
    stdout.replaceAll(/\s+/g, ' '),
    /bigip-a\.example served it; after a failover bigip-b\.example does, and shows the same certificate/
  )
  t.match(
    stdout,
    new RegExp(`^Scan 2: .*; 0 new, ${live} changed, 0 gone\\.$`, 'm'),
    'a second scan confirms it'
  )
  t.match(stderr, /^wiki\.example live: device and handshakes agree that it is in place$/m)
  t.notMatch(stdout + stderr, '\u001b', 'no colours and no cursor where nobody looks')
  t.same(await left(), [], 'nothing stays')
})

t.test('Ctrl-C in the middle of a replacement takes everything away', async (t) => {
  const { env, left } = folderFor(t)
  const running = spawn(process.execPath, [demo], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(() => running.kill('SIGKILL'))
  running.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (text.includes(' deploying: ')) running.kill('SIGINT')
  })
  const code = await new Promise((resolve) => running.on('close', resolve))
  t.equal(code, 130)
  t.same(await left(), [])
})

t.test('an unknown option is refused', async (t) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [demo, '--quick'], { encoding: 'utf8' })
  t.equal(status, 2)
  t.equal(stdout, '')
  t.match(stderr, /'--quick'.*The only option is --exit/)
})

/** Replaces the certificates of servers as the demo does. */
async function replaced(t: Test, servers: readonly ManagedServer[]) {
  const folder = temporaryFolder()
  const functions = openFunctions(createSite(Date.now()).root, folder.path)
  const running: Managed[] = []
  for (const server of servers) {
    const one = await startManaged(server, { folder: folder.path, host: '127.0.0.1', freePort })
    if (one instanceof Error) throw one
    running.push(one)
  }
  t.teardown(async () => {
    await functions.close()
    await Promise.all(running.map((one) => one.close()))
    folder.remove()
  })
  const screen = openScreen({ quiet: true })
  return replaceAll(running, { functions, screen, signal: new AbortController().signal })
}

const managed = (device: string) => createSite(Date.now()).managed.filter((one) => one.device === device)

t.test('the server that refuses serves its old certificate again', async (t) => {
  const [plant] = managed('plant')
  const [returned] = await replaced(t, plant ? [plant] : [])
  t.equal(returned?.event.state, 'rolled-back')
  const { port = 0, name } = returned?.server ?? {}
  t.equal(await shownAt({ port, name: name ?? null }), plant?.pairs.rsa?.fingerprint)
})

t.test('the demo tells what came otherwise than it should have', async (t) => {
  const [plant] = managed('plant')
  if (!plant) throw new Error('there is no such server')
  const { mostBits: _, ...lenient } = plant
  const [live] = await replaced(t, [lenient])
  t.equal(live?.event.state, 'live')
  t.match(differences(live ? [live] : [], []), [
    /^plant\.example: event \d+ is live: /,
    'plant.example: it does not show its old certificate again',
    'plant.example: the inventory knows other certificates than a handshake shows'
  ])
})
