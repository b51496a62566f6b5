import { hash, X509Certificate } from 'node:crypto'
import { getCACertificates } from 'node:tls'
import t from 'tap'
import { Fault } from '../../core/fault.ts'
import { seededRandom } from '../../core/random.ts'
import { checkChain } from '../../pki/chain.ts'
import { readCrl } from '../../pki/crl.ts'
import { DerReader } from '../../pki/der.ts'
import { readOcspResponse } from '../../pki/ocsp.ts'
import { readPem } from '../../pki/pem.ts'
import { readCertificate, readKeyType } from '../../pki/quick.ts'
import { openTrustStore } from '../../pki/trust-store.ts'
import {
  ascii,
  bits,
  caExtensions,
  commonName,
  dnsNames,
  element,
  extension,
  forge,
  generalizedTime,
  integer,
  newKeys,
  octets,
  oid,
  rdn,
  sequence,
  set,
  signatureOf,
  utcTime
} from './pki-forge.ts'
import { mutate, victim, type Victim } from './pki-mutations.ts'
import { forgedZoo } from './pki-zoo.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_125)
const rounds = 120_000

/** steps that the reader has made, counted from outside: what bounds its time */
let steps = 0
const next: (this: DerReader, field: string) => number = Reflect.get(DerReader.prototype, 'next')
DerReader.prototype.next = function (field) {
  steps++
  return next.call(this, field)
}

const zoo = [...forgedZoo().values()].filter((der) => der.length < 4000)
const bundled = getCACertificates('bundled').slice(0, 40)
const victims = [...zoo, ...bundled.map((pem) => new X509Certificate(pem).raw)].map(victim)

function pick(random: ReturnType<typeof seededRandom>): Victim {
  return victims[random.word() % victims.length] ?? victim(Buffer.alloc(0))
}

/** runs a reading that may end well or with the one fault; anything else fails the test */
function survives(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'certificate-malformed') return false
    throw thrown
  }
}

t.test(
  `${rounds} mutated certificates: the quick reader reads or refuses, in bounded steps (seed ${seed})`,
  (t) => {
    const random = seededRandom(seed)
    const began = performance.now()
    let read = 0
    for (let round = 0; round < rounds; round++) {
      const der = mutate(pick(random), pick(random), random)
      steps = 0
      if (survives(() => readCertificate(der))) read++
      // every element has two bytes at least, and no byte is walked over more than four times
      if (steps > 2 * der.length + 64)
        t.fail(`${steps} steps for ${der.length} bytes: ${der.toString('hex')}`)
      survives(() => readKeyType(der))
    }
    const seconds = (performance.now() - began) / 1000
    t.ok(read > rounds / 20, `${read} were still read`)
    t.ok(read < (rounds * 19) / 20, `${rounds - read} were refused`)
    t.ok(seconds < 120, `${seconds.toFixed(1)} s in all`)
    t.end()
  }
)

t.test(`chains of ${rounds} mutated certificates: every one gets a verdict (seed ${seed})`, (t) => {
  const random = seededRandom(seed + 1)
  const keys = newKeys()
  const root = forge({ subject: commonName('root'), keys, extensions: caExtensions(keys) })
  const middle = forge({
    subject: commonName('middle'),
    keys,
    issuer: root,
    extensions: caExtensions(keys, 0)
  })
  const leaf = forge({ keys, issuer: middle, extensions: [dnsNames('www.example.org')] })
  const members = [leaf, middle, root].map(({ der }) => victim(der))
  const roots = openTrustStore([root.der])
  const verdicts = new Map<string, number>()
  const began = performance.now()
  for (let mutated = 0; mutated < rounds;) {
    const served = [leaf.der, middle.der]
    for (let count = 1 + (random.word() % 8); count > 0; count--, mutated++) {
      const one = members[random.word() % 3] ?? pick(random)
      const der = mutate(random.word() % 4 === 0 ? pick(random) : one, pick(random), random)
      const at = random.word() % 4
      served.splice(at, at < 2 ? random.word() % 2 : 0, der)
    }
    const { verdict } = checkChain({ served, roots, now: Date.UTC(2026, 0, 1), name: 'www.example.org' })
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
  }
  const seconds = (performance.now() - began) / 1000
  t.ok(seconds < 240, `${seconds.toFixed(1)} s in all`)
  for (const verdict of ['trusted', 'incomplete', 'unreadable']) t.ok(verdicts.has(verdict), verdict)
  t.end()
})

t.test(`mutated CRLs are read or refused (seed ${seed})`, (t) => {
  const random = seededRandom(seed + 2)
  const { privateKey, name } = forge()
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'))
  const entry = sequence(
    integer(5),
    utcTime('250101000000Z'),
    sequence(extension('2.5.29.21', element(0x0a, [1])))
  )
  const times = [utcTime('250101000000Z'), utcTime('260101000000Z')]
  const tbs = sequence(
    integer(1),
    algorithm,
    name,
    ...times,
    sequence(entry, entry),
    element(0xa0, sequence(extension('2.5.29.20', integer(1))))
  )
  const crl = victim(sequence(tbs, algorithm, bits(signatureOf(tbs, privateKey))))
  let read = 0
  for (let round = 0; round < 20_000; round++) {
    const der = mutate(crl, crl, random)
    if (survives(() => readCrl(der).find('05'))) read++
  }
  t.ok(read > 500, `${read} were still read`)
  t.end()
})

t.test(`mutated OCSP responses always get a status (seed ${seed})`, (t) => {
  const random = seededRandom(seed + 3)
  const issuer = forge({ subject: commonName('forged.example') })
  const response = victim(ocspResponse(issuer))
  const question = { leaf: issuer.der, issuer: issuer.der, now: Date.UTC(2026, 0, 1) }
  t.match(readOcspResponse(response.der, question), { state: 'good' })
  const states = new Set<string>()
  for (let round = 0; round < 3000; round++) {
    const status = readOcspResponse(mutate(response, response, random), question)
    states.add(status.state === 'error' ? status.error : status.state)
  }
  for (const state of ['malformed', 'bad-signature', 'not-about-it']) t.ok(states.has(state), state)
  t.end()
})

function ocspResponse({ privateKey, publicKey, name }: ReturnType<typeof forge>): Buffer {
  const id = sequence(
    sequence(oid('1.3.14.3.2.26')),
    octets(hash('sha1', name, 'buffer')),
    octets(hash('sha1', publicKey.export({ type: 'spki', format: 'der' }).subarray(-65), 'buffer')),
    integer(0x4a, 0x01)
  )
  const times = [generalizedTime('20251231000000Z'), element(0xa0, generalizedTime('20260107000000Z'))]
  const single = sequence(id, element(0x80), ...times)
  const data = sequence(element(0xa1, name), generalizedTime('20251231000000Z'), sequence(single))
  const basic = sequence(data, sequence(oid('1.2.840.10045.4.3.2')), bits(signatureOf(data, privateKey)))
  return sequence(element(0x0a, [0]), element(0xa0, sequence(oid('1.3.6.1.5.5.7.48.1.1'), octets(basic))))
}

t.test(`any text is read as PEM or refused (seed ${seed})`, (t) => {
  const random = seededRandom(seed + 4)
  const pieces = [
    '-----BEGIN CERTIFICATE-----',
    '-----END CERTIFICATE-----',
    '-----BEGIN X-----',
    'AAAA',
    'A=',
    '\n',
    '\r\n',
    ' ',
    ':',
    '-----',
    '\0',
    'ü'
  ]
  for (let round = 0; round < 20_000; round++) {
    const text = Array.from({ length: random.word() % 12 }, () => pieces[random.word() % pieces.length]).join(
      ''
    )
    survives(() => readPem(text))
  }
  t.pass('no other throw')
  t.end()
})

t.test('the largest and the worst certificates take a bounded time', (t) => {
  const many = (count: number, one: Uint8Array) => Buffer.concat(Array.from({ length: count }, () => one))
  const broken = extension('2.5.29.17', Buffer.of(0x30, 0x7f))
  const cases: Readonly<Record<string, Buffer>> = {
    '400,000 empty names': forge({
      extensions: [extension('2.5.29.17', sequence(many(400_000, element(0x82))))]
    }).der,
    '50,000 addresses': forge({
      extensions: [extension('2.5.29.17', sequence(many(50_000, element(0x87, Buffer.alloc(16)))))]
    }).der,
    '60,000 relative names': forge({ subject: sequence(many(60_000, rdn('2.5.4.3', 'a'))), issuer: forge() })
      .der,
    'one relative name of 60,000': forge({
      subject: sequence(set(many(60_000, sequence(oid('2.5.4.3'), ascii(0x13, '"'))))),
      issuer: forge()
    }).der,
    'a name of a million quotes': forge({
      subject: sequence(rdn('2.5.4.3', '"'.repeat(1_000_000))),
      issuer: forge()
    }).der,
    'a serial number of 100,000 bytes': forge({
      serial: integer(...Array.from({ length: 100_000 }, () => 1))
    }).der,
    '250 broken extensions': forge({
      extensions: [extension('2.5.29.19', integer(1)), ...Array.from({ length: 249 }, () => broken)]
    }).der,
    'an object identifier of a megabyte': forge({
      extensions: [extension('2.5.29.37', sequence(element(0x06, Buffer.alloc(1_000_000, 0xff))))]
    }).der,
    'many parts of 128 bits': forge({
      extensions: [
        extension(
          '2.5.29.37',
          sequence(element(0x06, many(50_000, Buffer.from('83ffffffffffffffffffffffffffffffffff7f', 'hex'))))
        )
      ]
    }).der
  }
  for (const [what, der] of Object.entries(cases)) {
    const began = performance.now()
    survives(() => readCertificate(der))
    const ms = performance.now() - began
    t.ok(ms < 3000, `${what}: ${ms.toFixed(0)} ms`)
  }
  t.end()
})
