import { hash } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { fileKind, fileKindNames, type FileKind } from '../../pki/file-kind.ts'
import { checkIssued, type Replaced } from '../../pki/issued.ts'
import { refusesIssued } from '../../pki/issued-reasons.ts'
import { encodePem } from '../../pki/pem.ts'
import { readCertificates } from '../../pki/pkcs7.ts'
import type { TrustStore } from '../../pki/trust-store.ts'
import type { CertificateRequest, Issuer, Progress } from './issuer.ts'
import { chainFor, misfit } from './misfits.ts'
import { csrOf } from './request.ts'

/** A request that a person takes to a CA. */
export interface PersonsRequest {
  /** equal for equal CSRs */
  readonly id: string
  readonly names: readonly string[]
  /** the CSR, to be given to the CA */
  readonly pem: string
  /** what to call the file: `www.example.org.csr` */
  readonly fileName: string
}

/** Where people and the issuer meet: requests out, certificates in. Kept by somebody else, durable. */
export interface RequestDesk {
  /** Shows a request to people; again and again for the same one. */
  show(request: PersonsRequest): void
  /** The file with certificates that was handed in for it (PEM, DER, PKCS#7), or null. */
  handedIn(id: string): Uint8Array | null
}

/** What the issuer works with. */
export interface ManualTools {
  readonly desk: RequestDesk
  readonly clock: Clock
  /** roots that are known here: one may have signed a leaf itself, and be missing in what is handed in */
  readonly known: () => TrustStore
}

/** The issuer that is a person with a CA of his own. */
export function manualIssuer(tools: ManualTools): Issuer {
  return {
    keyFrom: 'request',
    advance: (request) => Promise.resolve().then(() => advance(request, tools)),
    abandon: () => Promise.resolve({ state: 'abandoned' }),
    renewalWindow: () => Promise.resolve(null),
    revoke: () => Promise.reject(notHere()),
    check: () =>
      Promise.resolve({
        name: 'manual request',
        facts: { asks: 'a person' },
        profiles: {},
        problems: [],
        warnings: []
      })
  }
}

function notHere(): Fault {
  const message = 'The certificate comes from a CA that a person asked. Revoke it there.'
  return new Fault('certificate-foreign', message)
}

function advance(request: CertificateRequest, { desk, clock, known }: ManualTools): Progress {
  const shown = personsRequest(request)
  const file = desk.handedIn(shown.id)
  if (file === null) {
    desk.show(shown)
    return { state: 'person', why: `take ${shown.fileName} to your CA and hand in the certificate` }
  }
  try {
    return { state: 'issued', chain: readHandedIn(request, file, { now: clock.now(), known }), key: null }
  } catch (thrown) {
    // what does not fit is for the person who handed it in to put right, as often as it takes
    if (!(thrown instanceof Fault) || thrown.kind === 'bug') throw thrown
    desk.show(shown)
    return { state: 'person', why: thrown.message }
  }
}

/** The request as a person takes it to a CA. Faults: csr-malformed, request-inconsistent. */
export function personsRequest(request: CertificateRequest): PersonsRequest {
  const { der } = csrOf(request)
  const [name = 'certificate'] = request.names
  return {
    id: hash('sha256', der, 'hex').slice(0, 32),
    names: request.names,
    pem: encodePem(der, 'CERTIFICATE REQUEST'),
    fileName: `${name.replace('*', 'wildcard').replaceAll(':', '-')}.csr`
  }
}

/** What a certificate that a person brings is held against. */
export interface Standards {
  /** milliseconds since the epoch */
  readonly now: number
  /** roots that are known here */
  readonly known: () => TrustStore
}

/**
 * The chain of a file that was handed in for a request, DER, leaf first; it ends with a root only where that has signed
 * the leaf itself. To be asked when somebody hands it in, so that he hears at once what is wrong. Faults:
 * certificate-malformed, chain-unfit.
 */
export function readHandedIn(
  request: CertificateRequest,
  file: Uint8Array,
  { now, known }: Standards
): readonly Buffer[] {
  const { spki } = csrOf(request)
  const { names, replaces } = request
  const { chain } = chainFor(spki, readHandedFile(file), {
    replaces,
    remedy:
      'Give the certificate that the CA made from the CSR of this event: each event has a key of its own.'
  })
  const replaced: Replaced | null = replaces && { der: replaces, served: [] }
  const flaws = checkIssued({ chain, spki, names, now, replaced, known }).filter(refusesIssued)
  if (flaws.length > 0) throw misfit(flaws)
  return chain
}

/** what a person who takes a file for that of the certificate does instead */
const instead: Partial<Readonly<Record<FileKind, string>>> = {
  request: 'Take it to the CA, and hand in the certificate that comes back.',
  key: 'The key of this event is kept here already: hand in the certificate that the CA made from its CSR.',
  pkcs12:
    'It has a key of its own. Hand in the certificate that the CA made from the CSR of this event; one that was bought with its key goes through tlsward import.'
}

/** The certificates of a file that a person hands in: PEM, DER or PKCS#7. Throws certificate-malformed. */
export function readHandedFile(file: Uint8Array): Buffer[] {
  const kind = fileKind(file)
  if (kind === 'certificates' || kind === 'key-with-certificates') return readCertificates(file)
  const remedy = instead[kind] ?? 'Hand in the certificate, PEM, DER or PKCS#7.'
  throw new Fault('certificate-malformed', `The file is ${fileKindNames[kind]}. ${remedy}`, { kind })
}
