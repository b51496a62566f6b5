import { hash } from 'node:crypto'
import {
  CertID,
  type CertStatus,
  OCSPRequest,
  OCSPResponse,
  Request,
  ResponseData,
  type SingleResponse,
  TBSRequest
} from '@peculiar/asn1-ocsp'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import { AlgorithmIdentifier, SubjectPublicKeyInfo } from '@peculiar/asn1-x509'
import { ChainCertificate } from './chain-certificate.ts'
import { pssHashOf, signatureNameOf } from './full.ts'
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
import { checkSignature } from './signature.ts'

/** How OCSP names a certificate (RFC 6960 §4.1.1); all lower-case hex. */
export interface OcspCertificateId {
  /** SHA-1 of the issuer's name */
  readonly issuerNameHash: string
  /** SHA-1 of the issuer's key, without its algorithm */
  readonly issuerKeyHash: string
  readonly serial: string
}
