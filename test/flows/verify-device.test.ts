import { execPath } from 'node:process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { connectors } from '../../connectors/index.ts'
import { createAuthority, createCertificate } from '../peers/certificates.ts'
import { hostMissing, startTestHost } from '../peers/hosts/host.ts'
import { startProcess } from '../peers/process.ts'
import { skipWithout } from '../peers/row.ts'
import { reachedConnectors } from '../verify-device/reaches.ts'
import { until } from './web-hosts-world.ts'

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const tool = path('../verify-device/main.ts')
const simulator = path('../simulators/f5-bigip/main.ts')
const password = 'demo-Admin-1'

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the tool as a person does, by its arguments and environment alone. */
async function verify(
  args: readonly string[],
  environment: Readonly<Record<string, string>>
): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('TLSWARD_'))
  const env = { ...Object.fromEntries(inherited), ...environment }
  const child = spawn(execPath, [tool, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

/** A simulated BIG-IP in a process of its own; gives what a person knows of it. */
async function startBigIp(t: Test, args: readonly string[] = []) {
  const running = startProcess({ program: execPath, args: [simulator, ...args] })
  t.teardown(() => running.stop())
  await until(
    async () => running.output(),
    (output) => output.includes('Ctrl-C ends it') || running.exited() !== null
  )
  const ports = [...running.output().matchAll(/^https:\/\/127\.0\.0\.1:(\d+) {2}/gm)].map(([, port]) => port)
  const [port = '', peerPort] = ports
  return {
    TLSWARD_DEVICE_SETTINGS: JSON.stringify({
      address: '127.0.0.1',
      port: Number(port),
      ...(peerPort === undefined ? {} : { peerAddress: '127.0.0.1', peerPort: Number(peerPort) })
    }),
    TLSWARD_DEVICE_SECRET_password: password
  }
}

interface Report {
  readonly product: string
  readonly version: string
  readonly target: string
  readonly cases: readonly {
    readonly what: string
    readonly half: string
    readonly outcome: string
    readonly why: string | null
  }[]
  readonly counts: { readonly ok: number; readonly failed: number; readonly skipped: number }
  readonly end: string
  readonly fine: boolean
}

const reportOf = ({ stdout, stderr }: Ended): Report => {
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as Report
}
const casesOf = ({ cases }: Report, outcome: string) =>
  cases.filter((one) => one.outcome === outcome).map(({ what }) => what)

t.test('every connector can be tried on a device', (t) => {
  t.same([...reachedConnectors].toSorted(), connectors.map(({ id }) => id).toSorted())
  t.end()
})

t.test('nothing is sent to a device that nobody has accepted', async (t) => {
  const device = await startBigIp(t)
  const { code, stdout, stderr } = await verify(['f5-bigip'], device)
  t.equal(code, 1)
  t.equal(stdout, '')
  const [, pins = ''] = /TLSWARD_DEVICE_PINS=(\S+),/.exec(stderr) ?? []
  t.match(pins, /^SHA256:/)
  const accepted = await verify(['f5-bigip', '--json'], { ...device, TLSWARD_DEVICE_PINS: pins })
  t.equal(accepted.code, 0, accepted.stderr)
  const wrong = await verify(['f5-bigip'], { ...device, TLSWARD_DEVICE_PINS: 'SHA256:another' })
  t.equal(wrong.code, 1)
  t.match(wrong.stderr, /nobody has accepted/)
})

t.test('a BIG-IP keeps both halves, with both kinds of key', { timeout: 200_000 }, async (t) => {
  const device = await startBigIp(t)
  const target = { TLSWARD_DEVICE_TARGET: '/Common/www' }
  const read = await verify(['f5-bigip', '--accept-pins', '--read-only'], { ...device, ...target })
  t.equal(read.code, 0, read.stdout + read.stderr)
  t.match(read.stdout, /^Tlsward .* BIG-IP 16\.1\.4 \(single\)$/m)
  t.match(read.stdout, /^target +\/Common\/www, rsa and ecdsa, seen by [2-9] handshakes$/m)
  t.match(read.stdout, /^Nothing was written to the device\.$/m)
  t.match(read.stdout, /^verify:device: 10 ok, 0 failed, \d+ skipped$/m)

  const written = await verify(['f5-bigip', '--accept-pins', '--destructive', '--json'], {
    ...device,
    ...target
  })
  const report = reportOf(written)
  t.equal(written.code, 0, JSON.stringify(casesOf(report, 'failed')))
  t.match(report, {
    product: 'BIG-IP',
    version: '16.1.4',
    target: '/Common/www',
    end: 'as-before',
    fine: true
  })
  const steps = casesOf(report, 'ok').filter((what) => what.startsWith('the cable is cut after step'))
  t.ok(steps.length >= 4, 'cut after each step')
  t.notMatch(written.stdout + written.stderr + read.stdout, password)
  t.notMatch(written.stdout + written.stderr, /-----BEGIN/)
})

t.test(
  'a pair of BIG-IPs keeps both halves, and a redacted report names nothing',
  { timeout: 300_000 },
  async (t) => {
    const device = await startBigIp(t, ['--pair'])
    const args = ['f5-bigip', '--accept-pins', '--destructive', '--json', '--redact']
    const ended = await verify(args, { ...device, TLSWARD_DEVICE_TARGET: '/Common/shop' })
    const report = reportOf(ended)
    t.equal(ended.code, 0, JSON.stringify(report.cases.filter(({ outcome }) => outcome === 'failed')))
    t.match(report, { role: 'active', end: 'as-before' })
    t.ok(casesOf(report, 'ok').some((what) => /after step synchronise/.test(what)))
    t.notMatch(ended.stdout + ended.stderr, /127\.0\.|demo\.example|\/Common\/shop|bigip-[ab]/)
  }
)

t.test(
  'a defect of the device fails its case by name, and the device is put back',
  { timeout: 200_000 },
  async (t) => {
    const fault = {
      does: 'refuse',
      method: 'POST',
      path: '/mgmt/tm/sys/config',
      status: 400,
      message: '01071003:3: no'
    }
    const device = await startBigIp(t, ['--fault', JSON.stringify(fault)])
    const args = ['f5-bigip', '--accept-pins', '--destructive']
    const { code, stdout } = await verify(args, { ...device, TLSWARD_DEVICE_TARGET: '/Common/shop' })
    t.equal(code, 1)
    t.match(stdout, /^failed: deploy switches to the new certificate.*01071003/m)
    t.match(stdout, /^The device is as it was before\.$/m)
    t.match(stdout, /^verify:device: \d+ ok, 1 failed, \d+ skipped$/m)
  }
)

t.test(
  'a device that cannot be put back is told loudly, and left alone then',
  { timeout: 200_000 },
  async (t) => {
    const fault = {
      does: 'refuse',
      method: 'POST',
      path: '/mgmt/tm/sys/config',
      status: 400,
      message: '01071003:3: no',
      times: 999
    }
    const device = await startBigIp(t, ['--fault', JSON.stringify(fault)])
    const args = ['f5-bigip', '--accept-pins', '--destructive', '--json']
    const ended = await verify(args, { ...device, TLSWARD_DEVICE_TARGET: '/Common/shop' })
    const report = reportOf(ended)
    t.equal(ended.code, 1)
    t.match(report, { end: 'changed', fine: false })
    t.equal(casesOf(report, 'failed').length, 1)
    const afterwards = report.cases.slice(report.cases.findIndex(({ outcome }) => outcome === 'failed') + 1)
    t.ok(afterwards.length > 0)
    t.same(
      afterwards.filter(({ outcome }) => outcome !== 'skipped'),
      []
    )
  }
)

const skip = skipWithout(hostMissing(['nginx']))

t.test('a host with nginx, over SSH, keeps both halves', { timeout: 600_000, skip }, async (t) => {
  const issuer = createAuthority('Test Issuing', { issuer: createAuthority('Test Root') })
  const names = ['one.test']
  const pairs = { ecdsa: createCertificate({ names, issuer }) }
  const host = await startTestHost({ programs: { nginx: [{ names, listener: 'front', pairs }] } })
  t.teardown(() => host.stop())
  const [program] = host.programs
  const device = {
    TLSWARD_DEVICE_SETTING_address: '127.0.0.1',
    TLSWARD_DEVICE_SETTING_port: String(host.cable.port),
    TLSWARD_DEVICE_SETTING_user: host.sshd.user,
    TLSWARD_DEVICE_SETTING_programs: 'nginx',
    TLSWARD_DEVICE_SETTING_configs: program?.config ?? '',
    TLSWARD_DEVICE_SECRET_key: host.sshd.privateKey.trimEnd()
  }
  const [site] = program?.sites ?? []
  const target = `nginx:${Object.values(site?.certificates ?? {}).toSorted()[0] ?? ''}`
  const read = await verify(['web-hosts', '--accept-pins', '--json'], device)
  t.equal(read.code, 0, read.stderr + JSON.stringify(casesOf(reportOf(read), 'failed')))
  t.match(reportOf(read), { target, end: 'untouched' })

  const before = filesBelow(host.folder)
  const args = ['web-hosts', '--accept-pins', '--destructive', '--json']
  const written = await verify(args, { ...device, TLSWARD_DEVICE_TARGET: target })
  const report = reportOf(written)
  t.equal(written.code, 0, JSON.stringify(report.cases.filter(({ outcome }) => outcome === 'failed')))
  t.match(report, { end: 'as-before' })
  t.ok(casesOf(report, 'ok').some((what) => what.startsWith('the cable is cut after step')))
  t.same(filesBelow(host.folder), before, 'no certificate and no key of ours is left')
  t.notMatch(written.stdout + written.stderr, /PRIVATE KEY/)
})

/** paths and contents of certificates and keys */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(crt|key|pem)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
    .map((file) => `${file}\n${readFileSync(file, 'utf8')}`)
}

t.test('wrong words and names say what to write instead', async (t) => {
  const cases: readonly (readonly [
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
    says: RegExp
  ])[] = [
    [[], {}, /connector '': write one of f5-bigip, web-hosts/],
    [['f5-bigip', '--destructive'], {}, /needs TLSWARD_DEVICE_TARGET/],
    [['f5-bigip', '--read-only', '--destructive'], {}, /leave --read-only out/],
    [['f5-bigip'], { TLSWARD_DEVICE_SETTINGS: '{' }, /TLSWARD_DEVICE_SETTINGS is no JSON/],
    [
      ['f5-bigip'],
      { TLSWARD_DEVICE_SETTING_adress: 'x' },
      /TLSWARD_DEVICE_SETTING_adress is none of .*SETTING_address/
    ],
    [['f5-bigip'], {}, /address/]
  ]
  for (const [args, environment, says] of cases) {
    const { code, stdout, stderr } = await verify(args, environment)
    t.match(stderr, says)
    t.same([code, stdout], [1, ''])
  }
  const help = await verify(['--help'], {})
  t.same([help.code, help.stderr], [0, ''])
  t.match(help.stdout, /TLSWARD_DEVICE_PINS/)
})
