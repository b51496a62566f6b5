import { asFault } from '../../core/fault.ts'
import { readName } from '../../pki/names.ts'
import { outlineOf } from '../../pki/outline.ts'
import { encodePem, readPem } from '../../pki/pem.ts'
import { readCertificate } from '../../pki/quick.ts'
import { chainMediaType, linksOf, mediaTypeOf } from '../messages/headers.ts'
import { revocationReasons, type GivenReason } from '../messages/revocation-reasons.ts'
import { unsupported } from './accounts.ts'
import { malformed } from './answers.ts'
import { checkedUrl, type Ca } from './ca.ts'
import type { WireAnswer } from './connection.ts'
import { postSigned, type AcmeAccount } from './post.ts'
import { problemOfFault } from './refusals.ts'
import type { Signer } from './sign.ts'

/** A certificate as it was downloaded, leaf first. It is not checked against the CSR: that is the caller's. */
export interface IssuedChain {
  readonly url: string
  /** DER; each is a well formed X.509 certificate */
  readonly certificates: readonly Buffer[]
  /** the same as PEM, without anything that the CA wrote around it */
  readonly pem: string
  /** common name of who signed the last one: the root that the chain leads to; null when it has none */
  readonly issuerName: string | null
}

/** The chain that was chosen, and whether it is the preferred one. */
export interface Download {
  readonly chain: IssuedChain
  readonly isPreferred: boolean
  /** the issuer names of all chains that were looked at, the CA's own choice first */
  readonly offered: readonly (string | null)[]
}

/** Which certificate to download. */
export interface DownloadRequest {
  /** `certificateUrl` of a valid order */
  readonly url: string
  /** common name of the issuer that the chain shall end at (the preferred chain) */
  readonly preferredIssuer?: string
}

const mostAlternates = 10
const mostCertificates = 20

/**
 * Downloads a certificate with its chain (RFC 8555 §7.4.2). With `preferredIssuer` the alternates that the CA
 * offers are looked at too, one exchange each, until one leads there; the CA's own choice is taken otherwise.
 */
export async function downloadCertificate(
  account: AcmeAccount,
  { url, preferredIssuer }: DownloadRequest,
  signal: AbortSignal
): Promise<Download> {
  const { ca } = account
  const { chain, alternates } = await downloadChain(account, url, signal)
  const offered = [chain.issuerName]
  if (preferredIssuer === undefined) return { chain, isPreferred: true, offered }
  if (chain.issuerName === preferredIssuer) return { chain, isPreferred: true, offered }
  const directory = await ca.directory(signal)
  for (const link of alternates.slice(0, mostAlternates)) {
    const place = checkedUrl(link, 'an alternate chain', { ca, directory })
    const { chain: other } = await downloadChain(account, place, signal)
    offered.push(other.issuerName)
    if (other.issuerName === preferredIssuer) return { chain: other, isPreferred: true, offered }
  }
  return { chain, isPreferred: false, offered }
}

async function downloadChain(
  account: AcmeAccount,
  url: string,
  signal: AbortSignal
): Promise<{ readonly chain: IssuedChain; readonly alternates: readonly string[] }> {
  const what = 'the download of the certificate'
  const answer = await postSigned(account, { url, payload: null, what, accept: chainMediaType }, signal)
  const certificates = certificatesIn(answer, { ca: account.ca.name, what })
  const last = certificates.at(-1)
  const chain = {
    url,
    certificates,
    pem: certificates.map((der) => encodePem(der)).join(''),
    issuerName: last ? issuerNameOf(last) : null
  }
  return { chain, alternates: linksOf(answer.headers['link'], 'alternate') }
}

/** RFC 8555 §11.4: nothing but certificates may be in it, so that no key or parameter gets into our files */
function certificatesIn(answer: WireAnswer, asked: { ca: string; what: string }): readonly Buffer[] {
  if (mediaTypeOf(answer.headers['content-type']) !== chainMediaType) {
    throw malformed(asked, `it is not ${chainMediaType}`)
  }
  try {
    const blocks = readPem(answer.body.toString('latin1'))
    const other = blocks.find(({ label }) => label !== 'CERTIFICATE')
    if (other) throw malformed(asked, `there is a ${other.label} in the chain`)
    if (blocks.length === 0) throw malformed(asked, 'there is no certificate in it')
    if (blocks.length > mostCertificates)
      throw malformed(asked, `there are ${blocks.length} certificates in it`)
    for (const { der } of blocks) readCertificate(der)
    return blocks.map(({ der }) => der)
  } catch (thrown) {
    const fault = asFault(thrown)
    throw fault.code === 'certificate-malformed' ? malformed(asked, fault.message, fault) : fault
  }
}

function issuerNameOf(der: Buffer): string | null {
  const { reader, issuer, issuerStop } = outlineOf(der)
  reader.seek(issuer, issuerStop)
  return readName(reader, 'issuer').commonName
}

/** Which certificate to revoke, and why. */
export interface Revocation {
  /** DER */
  readonly certificate: Uint8Array
  readonly reason?: GivenReason
}

/**
 * Revokes a certificate (RFC 8555 §7.6): in the name of an account (the one that ordered it, or one that holds
 * authorizations for all of its names), or by the key of the certificate itself. Safe to repeat.
 */
export async function revoke(
  by: AcmeAccount | { readonly ca: Ca; readonly key: Signer },
  { certificate, reason }: Revocation,
  signal: AbortSignal
): Promise<'revoked' | 'already-revoked'> {
  const { revokeCertificate: url } = await by.ca.directory(signal)
  if (url === null) throw unsupported(by.ca, 'does not revoke by ACME')
  const payload = {
    certificate: Buffer.from(certificate).toString('base64url'),
    ...(reason === undefined ? {} : { reason: revocationReasons[reason] })
  }
  const request = { url, payload, what: 'the revocation of the certificate', isRepeatable: true }
  try {
    await postSigned(by, request, signal)
    return 'revoked'
  } catch (thrown) {
    signal.throwIfAborted()
    if (problemOfFault(asFault(thrown))?.type === 'alreadyRevoked') return 'already-revoked'
    throw thrown
  }
}
