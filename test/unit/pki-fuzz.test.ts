import { X509Certificate } from 'node:crypto'
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
  keyIdOf,
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
const { next } = DerReader.prototype
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
      if (survives(() => readKeyType(der)) === false && read > rounds) t.fail('unreachable')
    }
    const seconds = (performance.now() - began) / 1000
    t.ok(read > rounds / 20, `${read} were still read`)
    t.ok(read < (rounds * 19) / 20, `${rounds - read} were refused`)
    t.ok(seconds < 120, `${seconds.toFixed(1)} s in all`)
    t.end()
  }
)
