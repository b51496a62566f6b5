import { createHash } from 'node:crypto'
import type { Clock } from '../../../core/clock.ts'
import { Fault } from '../../../core/fault.ts'
import { Secret } from '../../../core/secret.ts'
import type { Pki } from '../../../sensor/automation/ports.ts'
import { pemOf } from '../../../sensor/automation/held.ts'
import type { Issuer } from '../../../sensor/issuance/issuer.ts'
import { createCertificate } from '../../peers/certificates.ts'
import { createKey } from '../../peers/keys.ts'
import { yearEnds, type Outage } from './devices.ts'

/** A certificate of the year. */
export interface YearCertificate {
  readonly fingerprint: string
  readonly der: Uint8Array
  readonly notBefore: number
  readonly notAfter: number
  /** when it was sold */
  readonly sold: number
}

/** The CA of the year: what it sold, by fingerprint. */
export interface YearCa {
  readonly issuer: Issuer
  readonly pki: Pki
  readonly sold: Map<string, YearCertificate>
  issue(names: readonly string[], lifetimeMs: number, from: number): YearCertificate
}

/** An order to renew certificates that were sold before `at`, from `at` on, within two days. */
export interface Recall {
  readonly at: number
  /** ends of lifetimes that are meant, ms */
  readonly lifetimes: readonly number[]
}

interface YearCaTools {
  readonly clock: Clock
  readonly outages: readonly Outage[]
  readonly recall: Recall
}

const day = 86_400_000
// RSA signs without chance: the same year comes out each time
const key = createKey('rsa2048')

/** share of a lifetime at which the CA wants its certificates renewed at the latest */
export const latestWish = 0.7

/** All keys of the year are one: making them is not what the year is about. */
export function yearCa({ clock, outages, recall }: YearCaTools): YearCa {
  const sold = new Map<string, YearCertificate>()
  let count = 0x1000
  const issue = (names: readonly string[], lifetimeMs: number, from: number): YearCertificate => {
    const notBefore = Math.floor(from / 1000) * 1000
    const notAfter = notBefore + lifetimeMs
    const serial = (++count).toString(16)
    const { der } = createCertificate({ names: [...names], key, notBefore, notAfter, serial })
    const fingerprint = createHash('sha256').update(der).digest('hex')
    const certificate = { fingerprint, der, notBefore, notAfter, sold: clock.now() }
    sold.set(fingerprint, certificate)
    yearEnds.set(pemOf(der), notAfter)
    return certificate
  }
  const answers = () => {
    if (outages.some(({ from, to }) => clock.now() >= from && clock.now() < to)) {
      throw new Fault('device-unreachable', 'the CA does not answer')
    }
  }
  const issuer: Issuer = {
    keyFrom: 'request',
    async advance({ names, validityMs }, memory) {
      answers()
      // as an ACME server does: the order first, its certificate a little later
      if (memory.read() === null) {
        memory.write('ordered')
        return { state: 'pending', againAt: clock.now() + 20_000, why: 'the CA validates' }
      }
      return Promise.resolve({
        state: 'issued',
        chain: [issue(names, validityMs ?? 90 * day, clock.now()).der],
        key: null
      })
    },
    abandon: () => Promise.resolve({ state: 'abandoned' }),
    async renewalWindow(der) {
      answers()
      const certificate = sold.get(createHash('sha256').update(der).digest('hex'))
      if (!certificate) return null
      const { notBefore, notAfter } = certificate
      const lifetime = notAfter - notBefore
      const called =
        certificate.sold < recall.at && clock.now() >= recall.at && recall.lifetimes.includes(lifetime)
      const [start, end] = called
        ? [recall.at, recall.at + 2 * day]
        : [notBefore + lifetime * 0.6, notBefore + lifetime * latestWish]
      const againAt = clock.now() + day
      return Promise.resolve({ start, end, explanation: called ? 'https://ca.test/incident' : null, againAt })
    },
    revoke: () => Promise.resolve(),
    check: () => Promise.resolve({ name: 'year', facts: {}, profiles: {}, problems: [], warnings: [] })
  }
  return { issuer, sold, issue, pki: yearPki }
}

const privateKey = { type: 'ec-p256', pem: new Secret('the key of the year'), spki: '00' } as const

const yearPki: Pki = {
  makePrivateKey: () => Promise.resolve(privateKey),
  readPrivateKey: () => privateKey,
  makeCsr: () => Promise.resolve(new Uint8Array([1])),
  refusals: () => [],
  canonicalNames: (names) => [...new Set(names)],
  covers: () => true
}
