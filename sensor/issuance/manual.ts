import { hash } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { orderChain } from '../../pki/chain-order.ts'
import { checkIssued, type Replaced } from '../../pki/issued.ts'
import { refusesIssued, saysOf } from '../../pki/issued-reasons.ts'
import { visible } from '../../core/text.ts'
import { encodePem } from '../../pki/pem.ts'
import { readCertificates } from '../../pki/pkcs7.ts'
import type { CertificateRequest, Issuer, Progress } from './issuer.ts'
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
}

/** The issuer that is a person with a CA of his own. */
export function manualIssuer(tools: ManualTools): Issuer {
  return {
    keyFrom: 'request',
    advance: (request) => Promise.resolve().then(() => advance(request, tools)),
    renewalWindow: () => Promise.resolve(null),
    revoke: () => Promise.reject(notHere()),
    check: () =>
      Promise.resolve({ name: 'manual request', facts: { asks: 'a person' }, profiles: {}, warnings: [] })
  }
}

function notHere(): Fault {
  const message = 'The certificate comes from a CA that a person asked. Revoke it there.'
  return new Fault('certificate-foreign', message)
}

function advance(request: CertificateRequest, { desk, clock }: ManualTools): Progress {
  const shown = personsRequest(request)
  const file = desk.handedIn(shown.id)
  if (file === null) {
    desk.show(shown)
    return { state: 'person', why: `take ${shown.fileName} to your CA and hand in the certificate` }
  }
  try {
    return { state: 'issued', chain: readHandedIn(request, file, clock.now()), key: null }
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

/**
 * The chain of a file that was handed in for a request, DER, leaf first: to be asked when somebody hands it in, so that
 * he hears at once what is wrong. Faults: certificate-malformed, chain-unfit.
 */
export function readHandedIn(request: CertificateRequest, file: Uint8Array, now: number): readonly Buffer[] {
  const { spki } = csrOf(request)
  const { chain } = orderChain(readCertificates(file), spki)
  const replaced: Replaced | null = request.replaces && { der: request.replaces, served: [] }
  const flaws = checkIssued({ chain, spki, names: request.names, now, replaced }).filter(refusesIssued)
  if (flaws.length === 0) return chain
  const problem = visible(flaws.map(saysOf).join('; '), 1000)
  throw new Fault('chain-unfit', `The certificate does not fit: ${problem}. Hand in another one.`, {
    flaws: flaws.map(({ reason }) => reason)
  })
}
