import { execFileSync } from 'node:child_process'
import * as fc from 'fast-check'
import t from 'tap'
import { readHttp } from '../../sensor/scan/deep/handshake.ts'
import { groupName } from '../../sensor/scan/deep/groups.ts'
import { namedGroup, primeBits, stapledResponse } from '../../sensor/scan/deep/key-exchange.ts'
import { oldOffer, suiteLists, tls13Suites } from '../../sensor/scan/deep/offers.ts'
import { Ssl2Reader, ssl2Kinds, writeSsl2Hello } from '../../sensor/scan/deep/ssl2.ts'
import { hasForwardSecrecy, isAnonymous, isTls13Suite } from '../../sensor/scan/deep/suite-traits.ts'
import { writeHello } from '../../sensor/scan/probe/hello.ts'
import { registeredSuites } from '../../sensor/scan/probe/registry.ts'
import { suiteName, suites } from '../../sensor/scan/probe/suites.ts'
import { isInstalled } from '../peers/process.ts'
import { readHello } from '../peers/client-hello.ts'
import { ssl2ServerHello } from '../flows/deep-world.ts'

const seed = Number(process.env['FC_SEED'] ?? 20_261_125)
const runs = { seed, numRuns: 2_000 }

const noOpenssl = isInstalled('openssl') || process.env['CI'] === 'true' ? false : 'openssl is not installed'

t.test('the registry has the names, key exchanges and numbers that openssl has', { skip: noOpenssl }, (t) => {
  const args = ['ciphers', '-V', '-stdname', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0']
  const lines = execFileSync('openssl', args, { encoding: 'utf8' }).trim().split('\n')
  t.ok(lines.length > 100, `${lines.length} suites`)
  for (const line of lines) {
    const [, high, low, standard, own, exchange, auth] =
      /0x(..),0x(..) - (\S+)\s+- (\S+)\s+\S+\s+Kx=(\S+)\s+Au=(\S+)/.exec(line) ?? []
    const id = Number(`0x${high}${low}`)
    if (registeredSuites.get(id) !== standard) t.fail(`${id.toString(16)} is ${standard}`)
    if (suiteName(id) !== standard) t.fail(`${own} is ${standard}`)
    if (isAnonymous(id) !== (auth === 'None')) t.fail(`${standard}: Au=${auth}`)
    if (hasForwardSecrecy(id) !== /^(any|EC?DHE?|DH|ECDH|SRP|(EC)?DHEPSK)$/.test(exchange ?? ''))
      t.fail(`${standard}: Kx=${exchange}`)
    if (isTls13Suite(id) !== (exchange === 'any')) t.fail(`${standard} of TLS 1.3`)
  }
  for (const { id } of suites) if (!registeredSuites.has(id)) t.fail(`${id.toString(16)} is registered`)
  t.end()
})

t.test('every suite that has a number is offered once, and only to its version', (t) => {
  for (const dialect of ['full', 'plain', 'bare'] as const) {
    const offered = suiteLists(dialect).flat()
    t.equal(new Set(offered).size, offered.length, `${dialect}: none twice`)
    t.equal(
      offered.length + tls13Suites.length + ssl2Kinds.length,
      registeredSuites.size,
      `${dialect}: none forgotten`
    )
  }
  t.end()
})

t.test('a bare hello has less than 256 bytes and no extension', (t) => {
  for (const list of suiteLists('bare')) {
    const offer = oldOffer(list, {
      version: 0x0303,
      dialect: 'bare',
      name: 'a.name.that.is.not.sent.example'
    })
    const { record, message } = writeHello(offer, new Uint8Array(64))
    t.ok(message.length < 256, `${message.length} bytes`)
    const hello = readHello(Buffer.from(record))
    t.ok(typeof hello === 'object' && hello.extensions.size === 0)
  }
  t.end()
})

t.test('the hello of SSL 2.0 is read as one', (t) => {
  const { record } = writeSsl2Hello(new Uint8Array(64).fill(7))
  t.match(readHello(Buffer.from(record)), { form: 'ssl2', version: 2, suites: ssl2Kinds })
  t.end()
})

t.test('the answer of SSL 2.0 is read in any pieces', (t) => {
  const answer = ssl2ServerHello(Buffer.alloc(900, 1), Buffer.from('0100800700c0', 'hex'))
  for (const size of [1, 7, 2_000]) {
    const reader = new Ssl2Reader()
    let at = 0
    while (at < answer.length && reader.feed(answer.subarray(at, at + size)) === null) at += size
    t.ok(at + size >= answer.length, `pieces of ${size}: it ends with the last one`)
    t.same(reader.kinds, [0x010080, 0x0700c0])
  }
  t.end()
})

t.test('an answer of TLS to a hello of SSL 2.0 is no SSL 2.0', (t) => {
  const reader = new Ssl2Reader()
  t.match(reader.feed(Buffer.from('15030100020228', 'hex')), { kind: 'no-certificate' })
  t.equal(reader.kinds, null)
  t.end()
})

t.test('broken answers of SSL 2.0 are no exception, and little of them is kept', (t) => {
  const answer = ssl2ServerHello(Buffer.alloc(60, 1), Buffer.from('0100800700c0', 'hex'))
  const change = fc.tuple(fc.nat(answer.length - 1), fc.nat(255))
  fc.assert(
    fc.property(fc.array(change, { maxLength: 6 }), fc.nat(answer.length), (changes, cut) => {
      const bytes = Buffer.from(answer.subarray(0, cut))
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      const reader = new Ssl2Reader()
      let end = reader.feed(bytes)
      for (let more = 0; more < 40 && end === null; more++) end = reader.feed(Buffer.alloc(1_000))
      return end !== null
    }),
    runs
  )
  t.end()
})

t.test('the prime of a key exchange is measured, leading zeros or not', (t) => {
  const body = (prime: string) => {
    const bytes = Buffer.from(prime, 'hex')
    return Buffer.concat([
      Buffer.of(bytes.length >> 8, bytes.length & 255),
      bytes,
      Buffer.from('000102', 'hex')
    ])
  }
  t.equal(primeBits(body(`ff${'00'.repeat(127)}`)), 1024)
  t.equal(primeBits(body(`00ff${'00'.repeat(255)}`)), 2048)
  t.equal(primeBits(body(`7f${'00'.repeat(63)}`)), 511)
  t.equal(primeBits(body('0000')), null)
  t.equal(primeBits(Buffer.from('ffff00', 'hex')), null, 'a length beyond the end')
  t.end()
})

t.test('the group of a key exchange is read, and an explicit curve is none', (t) => {
  t.equal(namedGroup(Buffer.from('03001d20', 'hex')), 29)
  t.equal(namedGroup(Buffer.from('01001d20', 'hex')), null)
  t.equal(namedGroup(Buffer.from('03', 'hex')), null)
  t.equal(groupName(29), 'x25519')
  t.equal(groupName(0x11ec), 'X25519MLKEM768')
  t.equal(groupName(0x7777), '0x7777')
  t.end()
})

t.test('a stapled response is taken whole or not at all', (t) => {
  t.same(stapledResponse(Buffer.from('010000023000', 'hex')), Buffer.from('3000', 'hex'))
  t.equal(stapledResponse(Buffer.from('0100000330', 'hex')), null)
  t.equal(stapledResponse(Buffer.from('02000002300000', 'hex')), null)
  t.end()
})

t.test('no reader of a key exchange throws', (t) => {
  const bytes = fc.uint8Array({ maxLength: 40 })
  fc.assert(
    fc.property(bytes, (body) => {
      primeBits(body)
      namedGroup(body)
      stapledResponse(body)
    }),
    runs
  )
  t.end()
})

t.test('the Server header is read as it stands, escaped', (t) => {
  t.same(readHttp('HTTP/1.1 200 OK\r\nServer: nginx/1.22.1 \r\nX: y\r\n\r\n'), {
    status: 200,
    server: 'nginx/1.22.1'
  })
  t.same(readHttp('HTTP/1.0 404 Not Found\nserver:a\u001b[2Jb\n\n'), { status: 404, server: 'a\\x1b[2Jb' })
  t.same(readHttp('HTTP/1.1 301 Moved\r\n\r\n'), { status: 301, server: null })
  t.equal(readHttp('220 smtp ready\r\n'), null)
  t.equal(readHttp(''), null)
  const begun = performance.now()
  t.match(readHttp(`HTTP/1.1 200 OK\r\nserver: a${' '.repeat(60_000)}b\r\n\r\n`), { server: /^a +…$/ })
  t.ok(performance.now() - begun < 1_000, 'blanks without end take no time')
  t.end()
})
