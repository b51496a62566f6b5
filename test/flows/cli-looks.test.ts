import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import t from 'tap'
import { createAuthority, createCertificate } from '../peers/certificates.ts'
import { lenient, startTls } from '../peers/tls.ts'
import { createBench, jsonLines, schemaErrors } from './cli.ts'

const bench = createBench()
const root = createAuthority('Looks root')
const peer = await startTls({
  show: [createCertificate({ names: ['old.test'], key: 'rsa2048', issuer: root })],
  minVersion: 'TLSv1',
  ciphers: lenient
})

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const hostKey = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
const sshServer = new ssh2.Server({ hostKeys: [hostKey] }, (client) => client.on('error', () => {}))
sshServer.listen(0, '127.0.0.1')
await once(sshServer, 'listening')
const sshPort = (sshServer.address() as AddressInfo).port

t.teardown(async () => {
  bench.remove()
  sshServer.close()
  await peer.close()
})

const scan = ['scan', '127.0.0.1', '-p', `${peer.port},${sshPort}`, '--host-rate', '1000']

t.test('closer looks are told as records of their own, by their schemas', async (t) => {
  const ran = await bench.run([...scan, '--deep', '--ssh', '--json'])
  t.equal(ran.code, 0, ran.stderr)
  const lines = jsonLines(ran.stdout)
  t.same(schemaErrors(lines), [])
  t.same(lines.map((line) => String(line['type'])).toSorted(), ['deep', 'endpoint', 'scan', 'ssh'])
  const deep = lines.find((line) => line['type'] === 'deep')
  t.match(deep, { port: peer.port, stopped: null, weaknesses: [{ code: 'old-tls', severity: 'warning' }] })
  const versions = deep?.['versions'] as { version: string; accepted: boolean }[]
  t.same(
    versions.filter((one) => one.accepted).map((one) => one.version),
    ['TLS 1.3', 'TLS 1.2', 'TLS 1.1', 'TLS 1.0']
  )
  const ssh = lines.find((line) => line['type'] === 'ssh')
  t.match(ssh, {
    port: sshPort,
    outcome: 'keys',
    keys: [{ type: 'ssh-rsa', bits: 2048, fingerprint: /^SHA256:/ }]
  })
})

t.test('a person reads weaknesses with remedies, host keys, and what it cost', async (t) => {
  const ran = await bench.run([...scan, '--deep', '--ssh', '--fail-on', 'warning'])
  t.equal(ran.code, 1, ran.stderr)
  t.match(ran.stdout, /TLS 1\.3, TLS 1\.2, TLS 1\.1, TLS 1\.0 · \d+ suites/)
  t.match(ran.stdout, /Warning {3}TLS 1\.1 and TLS 1\.0 are accepted .* Turn TLS 1\.0 and TLS 1\.1 off/)
  t.match(ran.stdout, /ssh-rsa +2048 {2}SHA256:/)
  t.match(ran.stderr, /Deeper looks: 1 endpoint, \d+ connections, \d+ each\./)
})

t.test('a person reads the suites of each version, by their registered names', async (t) => {
  const ran = await bench.run([...scan, '--deep'])
  t.match(ran.stdout, /^ {2}TLS 1\.3 {3}TLS_\S+, TLS_/m)
  t.match(ran.stdout, /^ {2}TLS 1\.2 {3}TLS_ECDHE_RSA_WITH_.* \(the (client|server) decides\)$/m)
  t.notMatch(ran.stdout, /ECDHE-RSA-/)
})

t.test('closer looks have no place in CSV, which is said before anything is sent', async (t) => {
  const before = peer.connections?.total ?? 0
  const ran = await bench.run([...scan, '--deep', '--ssh', '--csv'])
  t.equal(ran.code, 2)
  t.match(ran.stderr, /--csv has no columns for what --deep and --ssh shows: write --json/)
  t.equal(peer.connections?.total ?? 0, before)
})

t.test('without --deep nothing is asked twice', async (t) => {
  const before = peer.connections?.total ?? 0
  await bench.run([...scan, '--no-twin', '-q'])
  t.equal((peer.connections?.total ?? 0) - before, 1)
})

t.test('what closer looks showed is kept, and shown with the endpoint', async (t) => {
  const place = `127.0.0.1:${peer.port}`
  const shown = await bench.run(['endpoint', 'show', place, '--json'])
  t.equal(shown.code, 0, shown.stderr)
  const lines = jsonLines(shown.stdout)
  t.same(schemaErrors(lines), [])
  t.match(lines, [
    {
      type: 'endpoint',
      findings: [{ code: 'chain-incomplete' }, { code: 'weak-protocol' }, { code: 'missing-twin' }]
    },
    { type: 'look', look: 'deep', latest: true, report: { type: 'deep', weaknesses: [{ code: 'old-tls' }] } }
  ])
  t.equal(lines.length, 2, 'looks that said the same are kept once')

  const person = await bench.run(['endpoint', 'show', place])
  t.match(person.stdout, new RegExp(`^${place} {2}certificate\n\nTLS +TLS 1.3, TLS_`))
  t.match(person.stdout, /Warning {3}Weak protocol\. TLS 1\.1 and TLS 1\.0 are accepted .* Seen on \d{4}-/)
  t.match(person.stdout, /^Deeper look: .*, the same since /m)
  t.match(person.stdout, /^ {2}TLS 1\.2 {3}TLS_/m)
  const ssh = await bench.run(['endpoint', 'show', `127.0.0.1:${sshPort}`])
  t.match(ssh.stdout, /^SSH: .*\n127\.0\.0\.1:\d+ {2}SSH-2\.0-.*\n {2}ssh-rsa +2048 {2}SHA256:/)

  const weak = await bench.run(['inventory', '--finding', 'weak-protocol', '--json'])
  t.match(jsonLines(weak.stdout), [
    { type: 'endpoint', port: peer.port },
    { type: 'summary', endpoints: 1 }
  ])
  const listed = await bench.run([...scan, '--json', '-q'])
  t.match(
    jsonLines(listed.stdout).find((line) => line['type'] === 'endpoint'),
    { findings: [{ code: 'chain-incomplete' }, { code: 'weak-protocol' }, { code: 'missing-twin' }] },
    'a scan leaves it alone'
  )
})

t.test('an endpoint that is not known, or not named as one, is told how', async (t) => {
  for (const [which, code, message] of [
    ['127.0.0.1:1', 4, /endpoint 127\.0\.0\.1:1: none in the inventory.*\[endpoint-missing\]/],
    [`127.0.0.1:${peer.port}/no.test`, 4, /endpoint-missing/],
    ['127.0.0.1', 2, /write ADDRESS:PORT, with \/NAME.*\[target-malformed\]/],
    ['127.0.0.0/8', 2, /target-malformed/],
    ['www.test:443', 2, /tlsward inventory --search/]
  ] as const) {
    const ran = await bench.run(['endpoint', 'show', which])
    t.equal(ran.code, code, which)
    t.match(ran.stderr, message)
  }
})

t.test('revocation is asked for only where the settings allow it', async (t) => {
  const denied = await bench.run([...scan, '--revocation'])
  t.equal(denied.code, 3)
  t.match(
    denied.stderr,
    /--revocation .*Write \{"outgoing": "public"\} into .*settings\.json\. \[outgoing-denied\]/
  )

  const config = join(bench.state, '..', 'config')
  mkdirSync(config, { recursive: true })
  writeFileSync(join(config, 'settings.json'), '{"outgoing": "public"}')
  const ca = join(config, 'authorities.pem')
  writeFileSync(ca, root.pem)
  const ran = await bench.run([...scan, '--revocation', '--json'])
  t.equal(ran.code, 0, ran.stderr)
  const lines = jsonLines(ran.stdout)
  t.same(schemaErrors(lines), [])
  t.match(
    lines.find((line) => line['type'] === 'revocation'),
    { label: 'old.test', outcome: 'none-named', attempts: [] }
  )

  const { fingerprint } = lines.find((line) => line['type'] === 'revocation') ?? {}
  const certificate = await bench.run(['certificate', 'show', String(fingerprint)])
  t.match(certificate.stdout, /^Revocation +names no place to ask, asked .* ago$/m)
  const endpoint = await bench.run(['endpoint', 'show', `127.0.0.1:${peer.port}`, '--json'])
  t.match(jsonLines(endpoint.stdout).at(-1), { type: 'look', look: 'revocation', report: { fingerprint } })

  writeFileSync(join(config, 'settings.json'), '{"outgoing": "sometimes"}')
  const wrong = await bench.run([...scan, '--revocation'])
  t.equal(wrong.code, 2)
  t.match(wrong.stderr, /settings\.json are not understood: outgoing .*\[settings-malformed\]/)
})
