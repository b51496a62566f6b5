import { DerReader, tags } from './der.ts'

/** Where the parts of a certificate lie: offsets into its DER, `start` of the first byte, `stop` behind the last. */
export interface Outline {
  readonly reader: DerReader
  /** 1, 2 or 3 as people count */
  readonly version: number
  /** whole elements */
  readonly serial: number
  readonly issuer: number
  readonly validity: number
  readonly subject: number
  readonly subjectStop: number
  readonly key: number
  readonly keyStop: number
  /** content of the SEQUENCE OF Extension; equal when there is none */
  readonly extensions: number
  readonly extensionsStop: number
  /** the AlgorithmIdentifier of the signature, behind the signed part */
  readonly signature: number
}
