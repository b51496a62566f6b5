import { Type } from 'typebox'
import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import type { Random } from '../../core/random.ts'
import { visible } from '../../core/text.ts'
import type { SigningCa } from '../../pki/ca-rules.ts'
import type { CertificateFields } from '../../pki/fields.ts'
import { issueCertificate, makeCrl, newSerial, type RevokedCertificate } from '../../pki/private-ca.ts'
import { readPrivateKey } from '../../pki/private-key.ts'
import { readCertificate } from '../../pki/quick.ts'
import type { RevocationReason } from '../../pki/revocation.ts'
import type { CertificateRequest, Issuer, IssuerCheck, OrderMemory, Progress } from './issuer.ts'
import type { KeyRing } from './key-ring.ts'
import { digestOf, memoryReader } from './order-memory.ts'
import { csrOf } from './request.ts'

/** The own CA as it was set up. */
export interface PrivateCaSettings {
  /** name of the signing key in the key ring */
  readonly key: string
  /** DER: the certificate of that key, and the CAs above it up to the root */
  readonly certificate: Uint8Array
  readonly above: readonly Uint8Array[]
  /** validity where a request names none, and at most, milliseconds */
  readonly validityMs: number
  readonly maxValidityMs: number
  /** where its revocation list is published; none: certificates do not say */
  readonly crlUrls: readonly string[]
}

/**
 * The certificates that the CA has signed, kept by somebody else. Every write is durable when it returns.
 */
export interface IssuedRegister {
  /** The certificate of a serial number (as CertificateFields.serial), DER, or null. */
  find(serial: string): Uint8Array | null
  /** Keeps a certificate unless there is one of the serial already; the one that is kept then. */
  keep(serial: string, certificate: Uint8Array): Uint8Array
  /** Marks one as revoked; a second mark changes nothing. */
  revoke(revoked: RevokedCertificate): void
  /** Those that are revoked and have not expired at `now`. */
  revoked(now: number): readonly RevokedCertificate[]
  /** Counts revocation lists: each call gives a higher number. */
  nextCrlNumber(): number
}

/** What the issuer works with. */
export interface PrivateCaTools {
  readonly keys: KeyRing
  readonly register: IssuedRegister
  readonly clock: Clock
  readonly random: Random
}

/** Certificates begin a little earlier, for endpoints and clients whose clocks are behind. */
const backdateMs = 5 * 60_000
const crlLifeMs = 7 * 86_400_000
/** a CA that ends so soon is worth a warning */
const warnMs = 30 * 86_400_000

const readMemory = memoryReader(
  Type.Object({
    digest: Type.String(),
    serial: Type.String({ pattern: '^[0-9a-f]{32}$' }),
    notBefore: Type.Number(),
    notAfter: Type.Number()
  })
)

/** The issuer that signs by the own CA. */
export function privateCaIssuer(settings: PrivateCaSettings, tools: PrivateCaTools): Issuer {
  return {
    keyFrom: 'request',
    advance: (request, memory) => advance(request, memory, { settings, tools }),
    // what it signed once for an order it gives again
    abandon: () => Promise.resolve({ state: 'kept' }),
    renewalWindow: () => Promise.resolve(null),
    revoke: (certificate, reason) =>
      Promise.resolve().then(() => revoke(certificate, reason, { settings, tools })),
    check: () => Promise.resolve().then(() => check(settings, tools))
  }
}

interface Ca {
  readonly settings: PrivateCaSettings
  readonly tools: PrivateCaTools
}

/**
 * Serial number and validity are chosen and remembered before the signature: an order that is repeated after a crash
 * signs the same certificate again, and the register decides which of two signatures is the certificate.
 */
async function advance(
  request: CertificateRequest,
  memory: OrderMemory,
  { settings, tools }: Ca
): Promise<Progress> {
  const csr = csrOf(request)
  const digest = digestOf(request)
  const known = readMemory(memory, digest)
  const { serial, notBefore, notAfter } = known ?? begin(request, { settings, tools })
  if (!known) memory.write(JSON.stringify({ digest, serial, notBefore, notAfter }))
  const certificate =
    tools.register.find(serial) ??
    tools.register.keep(
      serial,
      await issueCertificate({
        issuer: signingCa(settings, tools),
        csr,
        serial,
        validity: { notBefore, notAfter },
        crlUrls: settings.crlUrls
      })
    )
  return {
    state: 'issued',
    chain: [certificate, ...withoutRoot([settings.certificate, ...settings.above])],
    key: null
  }
}

interface Plan {
  readonly serial: string
  readonly notBefore: number
  readonly notAfter: number
}

function begin({ validityMs }: CertificateRequest, { settings, tools }: Ca): Plan {
  const now = tools.clock.now()
  const life = Math.min(validityMs ?? settings.validityMs, settings.maxValidityMs)
  return { serial: newSerial(tools.random), notBefore: now - backdateMs, notAfter: now + life }
}

function signingCa({ key, certificate, above }: PrivateCaSettings, { keys }: PrivateCaTools): SigningCa {
  const pem = keys.read(key)
  if (pem !== null) return { certificate, above, key: readPrivateKey(pem) }
  const message = `The key ${key} of the private CA is not there. Restore the vault that it was kept in.`
  throw new Fault('key-missing', message, { key })
}

function withoutRoot(chain: readonly Uint8Array[]): Uint8Array[] {
  return chain.filter((der) => !readCertificate(der).selfIssued)
}

function revoke(certificate: Uint8Array, reason: RevocationReason, { tools }: Ca): void {
  const { serial, subject } = readCertificate(certificate)
  const own = tools.register.find(serial)
  if (!own || Buffer.compare(own, certificate) !== 0) {
    throw new Fault(
      'certificate-foreign',
      `The certificate ${visible(subject)} (serial ${serial}) was not issued by this CA. Revoke it where it comes from.`,
      { serial }
    )
  }
  tools.register.revoke({ serial, at: tools.clock.now(), reason })
}

/** The revocation list of the CA as of now, DER, valid for a week. Faults: key-missing, ca-unfit. */
export function currentCrl(settings: PrivateCaSettings, tools: PrivateCaTools): Promise<Buffer> {
  const now = tools.clock.now()
  return makeCrl({
    issuer: signingCa(settings, tools),
    number: tools.register.nextCrlNumber(),
    thisUpdate: now - backdateMs,
    nextUpdate: now + crlLifeMs,
    revoked: tools.register.revoked(now)
  })
}

function check(settings: PrivateCaSettings, tools: PrivateCaTools): IssuerCheck {
  const { key } = signingCa(settings, tools)
  const fields = readCertificate(settings.certificate)
  const now = tools.clock.now()
  const all = [settings.certificate, ...settings.above].map((der) => readCertificate(der))
  const problems = all.filter(({ notAfter }) => notAfter < now).map(expired)
  if (key.spki !== fields.spki)
    problems.push(
      `the key ${settings.key} is not that of the CA ${visible(fields.subject)}: restore the vault that it was made in`
    )
  return {
    name: `private CA ${visible(fields.subject)}`,
    facts: { key: key.type, 'valid until': new Date(fields.notAfter).toISOString() },
    profiles: {},
    problems,
    warnings: all.filter(({ notAfter }) => notAfter >= now && notAfter - now <= warnMs).map(endsSoon)
  }
}

const another =
  'add another issuer of kind private-ca, have clients trust its root, and name it in the profiles'

function expired({ subject, notAfter }: CertificateFields): string {
  return `the CA ${visible(subject)} has expired, ${new Date(notAfter).toISOString()}: ${another}`
}

function endsSoon({ subject, notAfter }: CertificateFields): string {
  return `the CA ${visible(subject)} expires, ${new Date(notAfter).toISOString()}: ${another}`
}
