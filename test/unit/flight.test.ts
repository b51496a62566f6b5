import { randomBytes } from 'node:crypto'
import net from 'node:net'
import { once } from 'node:events'
import tls from 'node:tls'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import t from 'tap'
import { seededRandom } from '../../core/random.ts'
import { Flight, flightLimits } from '../../sensor/scan/probe/flight.ts'
import type { Hello } from '../../sensor/scan/probe/hello.ts'
import { Hellos } from '../../sensor/scan/probe/hellos.ts'
import { sweepAgreement } from '../../sensor/scan/probe/agreements.ts'

// A real server's answer is captured once, then fed to the reader whole, in pieces, and damaged.

const dir = mkdtempSync(joinPath(tmpdir(), 'flight-'))
t.teardown(() => rmSync(dir, { recursive: true }))
const hello = new Hellos(randomBytes(64)).for('modern', null)

function selfSigned(name: string, newkey: readonly string[]) {
  const [key, cert] = [joinPath(dir, `${name}.key`), joinPath(dir, `${name}.crt`)]
  const args = ['req', '-x509', '-nodes', '-subj', '/CN=flight.test', '-keyout', key, '-out', cert, ...newkey]
  execFileSync('openssl', args, { stdio: 'ignore' })
  return { key: readFileSync(key), cert: readFileSync(cert) }
}

/** the bytes that a server sends to our hello, until it waits for us or closes */
async function capture(options: tls.TlsOptions, sent: Hello): Promise<Buffer> {
  const server = tls.createServer(options)
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  const pieces: Buffer[] = []
  const probe = new Flight(sent, sweepAgreement, { whole: true })
  socket.on('error', () => {})
  socket.write(sent.record)
  for await (const piece of socket as AsyncIterable<Buffer>) {
    pieces.push(piece)
    if (probe.feed(piece)) break
  }
  socket.destroy()
  server.close()
  return Buffer.concat(pieces)
}

/** reads a flight in pieces; its certificates are copied at once, as whoever reads one must */
function read(bytes: Uint8Array, cut: (left: number) => number = (left) => left) {
  let certificates: Buffer[] = []
  const flight = new Flight(hello, sweepAgreement)
  for (let at = 0; at < bytes.length;) {
    const size = Math.max(1, Math.min(cut(bytes.length - at), bytes.length - at))
    // a fresh copy each time, overwritten afterwards: the reader must not keep views of what it was given
    const piece = Uint8Array.prototype.slice.call(bytes, at, at + size)
    const ended = flight.feed(piece)
    if (ended) certificates = (flight.certificates?.certificates ?? []).map((der) => Buffer.from(der))
    piece.fill(0xee)
    if (ended) break
    at += size
  }
  return { flight, certificates }
}

const rsa = selfSigned('rsa', ['-newkey', 'rsa:2048'])
const ecdsa = selfSigned('ec', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'])

const servers: Record<string, tls.TlsOptions> = {
  'TLS 1.2, RSA': { ...rsa, maxVersion: 'TLSv1.2' },
  'TLS 1.2, client certificate asked': { ...ecdsa, maxVersion: 'TLSv1.2', requestCert: true },
  'TLS 1.3, ChaCha20': { ...ecdsa, minVersion: 'TLSv1.3', ciphers: 'TLS_CHACHA20_POLY1305_SHA256' },
  'TLS 1.3, AES-128': { ...rsa, minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' },
  'TLS 1.3, AES-256, client certificate asked': {
    ...rsa,
    minVersion: 'TLSv1.3',
    ciphers: 'TLS_AES_256_GCM_SHA384',
    requestCert: true
  }
}

const flights: Buffer[] = []

for (const [name, options] of Object.entries(servers)) {
  t.test(`${name}: the certificate is read, however the bytes come`, async (t) => {
    const bytes = await capture(options, hello)
    flights.push(bytes)
    const random = seededRandom(7)
    const cuts: Record<string, (left: number) => number> = {
      whole: (left) => left,
      'byte by byte': () => 1,
      'in threes': () => 3,
      'at random': () => 1 + (random.word() % 700)
    }
    const wanted = Buffer.from(String(options.cert).replace(/-----[^-]+-----|\s/g, ''), 'base64')
    for (const [how, cut] of Object.entries(cuts)) {
      const { flight, certificates } = read(bytes, cut)
      t.same(flight.end, { kind: 'certificate' }, how)
      t.same(certificates, [wanted], how)
      if (how === 'whole') t.equal(flight.clientCertificate, options.requestCert ?? false)
    }
  })
}

t.test('100,000 damaged flights: no throw, bounded memory, an end or patience', (t) => {
  const random = seededRandom(20_261_125)
  const ends = new Map<string, number>()
  for (let round = 0; round < 100_000; round++) {
    const original = flights[random.word() % flights.length] as Buffer
    const flight = new Flight(hello, sweepAgreement, { whole: random.word() % 2 === 0 })
    const bytes = damage(original, random)
    for (let at = 0; at < bytes.length && !flight.feed(bytes.subarray(at, at + 1_500));) at += 1_500
    const kind = flight.end?.kind ?? 'waiting'
    ends.set(kind, (ends.get(kind) ?? 0) + 1)
  }
  // damage must reach every part of the reader
  const kinds = ['certificate', 'malformed', 'too-large', 'not-tls', 'alert', 'waiting']
  for (const kind of kinds) t.ok(ends.has(kind), `${kind}: ${ends.get(kind)}`)
  t.end()
})

function damage(original: Buffer, random: ReturnType<typeof seededRandom>): Buffer {
  let bytes = Buffer.from(original)
  for (let change = 0; change <= random.word() % 4; change++) {
    const at = random.word() % (random.word() % 3 === 0 ? Math.min(120, bytes.length) : bytes.length)
    const kind = random.word() % 6
    if (kind < 3) bytes[at] = random.word() & 255
    else if (kind === 3) bytes = bytes.subarray(0, at + 1)
    else if (kind === 4)
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.word() % bytes.length)])
    else bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(random.bytes(5)), bytes.subarray(at)])
    if (bytes.length === 0) return Buffer.from([22])
  }
  return bytes
}

/** one plain record */
function record(type: number, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 3, body.length >> 8, body.length & 255]), body])
}

t.test('what a hostile server can make us hold is bounded', (t) => {
  const endless = new Flight(hello, sweepAgreement)
  const warning = record(21, Uint8Array.of(1, 112))
  let warnings = 0
  while (!endless.feed(warning)) warnings++
  t.ok(warnings <= flightLimits.idleRecords)
  t.equal(endless.end?.kind, 'too-large')

  const empty = new Flight(hello, sweepAgreement)
  empty.feed(record(22, new Uint8Array(0)))
  t.equal(empty.end?.kind, 'malformed')

  const huge = new Flight(hello, sweepAgreement)
  huge.feed(record(22, Uint8Array.of(11, 0xff, 0xff, 0xff, 0)))
  t.equal(huge.end?.kind, 'too-large')

  const long = new Flight(hello, sweepAgreement)
  long.feed(Uint8Array.of(22, 3, 3, 0xff, 0xff))
  t.equal(long.end?.kind, 'too-large')

  // one message in records of one byte, as large as allowed: linear work, and no more records than real flights have
  const slow = new Flight(hello, sweepAgreement)
  const body = Buffer.alloc(flightLimits.message - 1)
  const message = Buffer.concat([Uint8Array.of(4, 0, body.length >> 8, body.length & 255), body])
  const pieces = [...message].map((byte) => record(22, Uint8Array.of(byte)))
  const fed = pieces.findIndex((piece) => slow.feed(piece))
  t.equal(fed, flightLimits.records)
  t.equal(slow.end?.kind, 'too-large')
  t.end()
})

t.test('an alert, a warning before the answer, and an alien protocol', (t) => {
  const refusal = new Flight(hello, sweepAgreement)
  refusal.feed(record(21, Uint8Array.of(2, 40)))
  t.same(refusal.end, { kind: 'alert', alert: 40 })

  const [plain = Buffer.alloc(0)] = flights
  const { flight: warned } = read(Buffer.concat([record(21, Uint8Array.of(1, 112)), plain]))
  t.equal(warned.end?.kind, 'certificate')
  t.equal(warned.warning, 112)

  const alien = new Flight(hello, sweepAgreement)
  alien.feed(Buffer.from('HTTP/1.1 400 Bad Request\r\n'))
  t.equal(alien.end?.kind, 'not-tls')
  t.end()
})
