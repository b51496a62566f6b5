import { hash } from 'node:crypto'
import {
  CertID,
  type CertStatus,
  id_pkix_ocsp_basic,
  OCSPRequest,
  OCSPResponse,
  OCSPResponseStatus,
  Request,
  ResponseData,
  type SingleResponse,
  TBSRequest
} from '@peculiar/asn1-ocsp'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import { AlgorithmIdentifier, SubjectPublicKeyInfo } from '@peculiar/asn1-x509'
import { ChainCertificate } from './chain-certificate.ts'
import { pssHashOf, signatureNameOf, understood } from './full.ts'
import { hexOfBuffer } from './full-values.ts'
import { hashAlgorithms } from './object-ids.ts'
import { BasicOcspParts, CertificateParts, parseAsn } from './parts.ts'
import {
  type AnswerTimes,
  reasonOf,
  type RevocationQuestion,
  type RevocationStatus,
  wrongAnswer,
  wrongTimes
} from './revocation.ts'
import { checkSignature, type Signed } from './signature.ts'

/** How OCSP names a certificate (RFC 6960 §4.1.1); all lower-case hex. */
export interface OcspCertificateId {
  /** SHA-1 of the issuer's name */
  readonly issuerNameHash: string
  /** SHA-1 of the issuer's key, without its algorithm */
  readonly issuerKeyHash: string
  readonly serial: string
}

const sha1 = '1.3.14.3.2.26'

/**
 * An unsigned OCSP request for one certificate, without a nonce, so that answers can be cached (RFC 5019 §2.1).
 * `leaf` and `issuer` are DER; throws a Fault certificate-malformed when one of them is broken.
 */
export function ocspRequest(
  leaf: Uint8Array,
  issuer: Uint8Array
): { der: Buffer; certificateId: OcspCertificateId } {
  const certificateId = understood(() => certificateIdOf(leaf, issuer, 'SHA1'))
  const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex')).buffer
  const reqCert = new CertID({
    hashAlgorithm: new AlgorithmIdentifier({ algorithm: sha1, parameters: null }),
    issuerNameHash: new OctetString(bytes(certificateId.issuerNameHash)),
    issuerKeyHash: new OctetString(bytes(certificateId.issuerKeyHash)),
    serialNumber: bytes(certificateId.serial)
  })
  const request = new OCSPRequest({ tbsRequest: new TBSRequest({ requestList: [new Request({ reqCert })] }) })
  return { der: Buffer.from(AsnConvert.serialize(request)), certificateId }
}

function certificateIdOf(leaf: Uint8Array, issuer: Uint8Array, hashName: string): OcspCertificateId {
  const { tbsCertificate } = parseAsn(leaf, CertificateParts)
  const issuerParts = parseAsn(issuer, CertificateParts).tbsCertificate
  const key = parseAsn(issuerParts.subjectPublicKeyInfo, SubjectPublicKeyInfo).subjectPublicKey
  return {
    issuerNameHash: hash(hashName, new Uint8Array(tbsCertificate.issuer), 'hex'),
    issuerKeyHash: hash(hashName, new Uint8Array(key), 'hex'),
    serial: hexOfBuffer(tbsCertificate.serialNumber)
  }
}

const refusals: Readonly<Record<number, string>> = {
  1: 'malformedRequest',
  2: 'internalError',
  3: 'tryLater',
  5: 'sigRequired',
  6: 'unauthorized'
}

/**
 * What an OCSP response (RFC 6960) says of a certificate. It must answer for that certificate, be signed by its
 * issuer or by somebody whom the issuer gave a certificate for OCSP signing, and be current. Never throws for
 * what a responder sends; a broken `leaf` or `issuer` throws a Fault certificate-malformed.
 */
export function readOcspResponse(der: Uint8Array, question: RevocationQuestion): RevocationStatus {
  const answer = parseResponse(der)
  if ('state' in answer) return answer
  const single = findAnswer(answer.data, question)
  if (!single) return wrongAnswer('not-about-it', 'it does not name the certificate')
  const unauthentic = checkSigner(answer, question)
  if (unauthentic) return unauthentic
  const times: AnswerTimes = {
    thisUpdate: single.thisUpdate.getTime(),
    nextUpdate: single.nextUpdate?.getTime() ?? null
  }
  return wrongTimes(times, question.now) ?? statusOf(single.certStatus, times)
}

interface Response {
  readonly signed: Signed
  /** certificates that came along, DER */
  readonly certificates: readonly ArrayBuffer[]
  readonly data: ResponseData
}

function parseResponse(der: Uint8Array): Response | RevocationStatus {
  try {
    const { responseStatus, responseBytes } = parseAsn(der, OCSPResponse)
    if (responseStatus !== OCSPResponseStatus.successful) {
      return wrongAnswer('refused', refusals[responseStatus] ?? `status ${responseStatus}`)
    }
    if (!responseBytes) return wrongAnswer('malformed', 'it holds no response')
    if (responseBytes.responseType !== id_pkix_ocsp_basic) {
      return wrongAnswer('unsupported', `it is of the type ${responseBytes.responseType}`)
    }
    const basic = parseAsn(responseBytes.response.buffer, BasicOcspParts)
    const data = parseAsn(basic.tbsResponseData, ResponseData)
    return { signed: signedOf(basic), certificates: basic.certs ?? [], data }
  } catch (thrown) {
    return wrongAnswer('malformed', thrown instanceof Error ? thrown.message : String(thrown))
  }
}

function signedOf({ tbsResponseData, signatureAlgorithm, signature }: BasicOcspParts): Signed {
  const algorithm = signatureNameOf(signatureAlgorithm)
  return {
    algorithm,
    pssHash: algorithm.startsWith('RSA-PSS') ? pssHashOf(signatureAlgorithm) : null,
    data: new Uint8Array(tbsResponseData),
    signature: new Uint8Array(signature)
  }
}

/** the newest answer for the certificate that was asked about */
function findAnswer(
  { responses }: ResponseData,
  { leaf, issuer }: RevocationQuestion
): SingleResponse | undefined {
  const names: Readonly<Record<string, string>> = hashAlgorithms
  // worked out once: a response may name hundreds of certificates
  const known = new Map<string, OcspCertificateId>()
  const idBy = (hashName: string) => {
    const id = known.get(hashName) ?? understood(() => certificateIdOf(leaf, issuer, hashName))
    known.set(hashName, id)
    return id
  }
  return responses
    .filter(({ certID }) => {
      const hashName = names[certID.hashAlgorithm.algorithm]
      if (hashName === undefined) return false
      const own = idBy(hashName)
      return (
        own.issuerNameHash === hexOfBuffer(certID.issuerNameHash.buffer) &&
        own.issuerKeyHash === hexOfBuffer(certID.issuerKeyHash.buffer) &&
        own.serial === hexOfBuffer(certID.serialNumber)
      )
    })
    .toSorted((one, other) => other.thisUpdate.getTime() - one.thisUpdate.getTime())[0]
}

/** certificates of a response that are tried */
const maxSigners = 8

/** what is wrong with who signed, or undefined */
function checkSigner(response: Response, { issuer, now }: RevocationQuestion): RevocationStatus | undefined {
  const { signed, certificates } = response
  const authority = new ChainCertificate(issuer)
  const candidates = [authority, ...certificates.slice(0, maxSigners).flatMap(readSigner)]
  for (const candidate of candidates) {
    const verdict = candidate.publicKey ? checkSignature(signed, candidate.publicKey) : 'unsupported'
    if (verdict === 'unsupported' && candidate === authority) {
      return wrongAnswer('unsupported', `the signature algorithm ${signed.algorithm} is not known`)
    }
    if (verdict !== 'good') continue
    const problem =
      candidate.fields.spki === authority.fields.spki ? undefined : whyNoDelegate(candidate, authority, now)
    return problem === undefined ? undefined : wrongAnswer('unauthorized-signer', problem)
  }
  return wrongAnswer('bad-signature', 'neither the issuer nor a certificate that came along has signed it')
}

function readSigner(der: ArrayBuffer): ChainCertificate[] {
  try {
    return [new ChainCertificate(new Uint8Array(der))]
  } catch {
    return []
  }
}

/** why a certificate may not answer for the issuer (RFC 6960 §4.2.2.2), or undefined */
function whyNoDelegate(
  signer: ChainCertificate,
  authority: ChainCertificate,
  now: number
): string | undefined {
  const { subject, extendedKeyUsage, notBefore, notAfter } = signer.fields
  if (signer.issuerKey !== authority.subjectKey || !signer.isSignedBy(authority)) {
    return `the issuer has not issued the certificate of ${subject}`
  }
  if (!extendedKeyUsage?.includes('OCSPSigning'))
    return `the certificate of ${subject} is not for OCSP signing`
  if (now > notAfter || now < notBefore) return `the certificate of ${subject} is not valid now`
  return undefined
}

function statusOf({ revoked, good }: CertStatus, times: AnswerTimes): RevocationStatus {
  if (revoked) {
    const reason = reasonOf(revoked.revocationReason?.reason)
    return { state: 'revoked', at: revoked.revocationTime.getTime(), reason, ...times }
  }
  return { state: good === null ? 'good' : 'unknown', ...times }
}
