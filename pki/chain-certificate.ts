import type { KeyObject, X509Certificate } from 'node:crypto'
import { readAuthorityKey } from './authority-key.ts'
import type { CertificateFields } from './fields.ts'
import { openSslCertificate, publicKeyOf } from './open-ssl.ts'
import { readNameKey } from './names.ts'
import { readNameConstraints, type NameConstraints } from './name-constraints.ts'
import { outlineOf } from './outline.ts'
import { readCertificate } from './quick.ts'

/** issuers whose check is remembered at most */
const maxSigners = 8

/** One certificate as a member of chains: read once, asked often. */
export class ChainCertificate {
  readonly der: Uint8Array
  readonly fields: CertificateFields
  /** 1, 2 or 3 */
  readonly version: number
  /** keys that are equal for equal names (RFC 5280 §7.1) */
  readonly subjectKey: string
  readonly issuerKey: string
  // null: not made yet; undefined: OpenSSL does not take it
  #node: X509Certificate | undefined | null = null
  #key: KeyObject | undefined | null = null
  /** what came of checking its signature, by the fingerprint of the issuer tried */
  readonly #signers = new Map<string, boolean>()

  /** Throws a Fault certificate-malformed. */
  constructor(der: Uint8Array) {
    this.der = der
    this.fields = readCertificate(der)
    const { reader, version, issuer, issuerStop, subject, subjectStop } = outlineOf(der)
    this.version = version + 1
    reader.seek(subject, subjectStop)
    this.subjectKey = readNameKey(reader, 'subject')
    reader.seek(issuer, issuerStop)
    this.issuerKey = this.fields.selfIssued ? this.subjectKey : readNameKey(reader, 'issuer')
  }

  /** Issuer and subject are equal names. */
  get isSelfIssued(): boolean {
    return this.issuerKey === this.subjectKey
  }

  /** Its name constraints, or null when it has none. */
  get constraints(): NameConstraints | null {
    return readNameConstraints(this.der)
  }

  /** Was it signed by the key of `issuer`? False also when OpenSSL does not know the algorithm. */
  isSignedBy(issuer: ChainCertificate): boolean {
    const { fingerprint } = issuer.fields
    const known = this.#signers.get(fingerprint)
    if (known !== undefined) return known
    const signed = this.#verify(issuer)
    if (this.#signers.size === maxSigners) this.#signers.clear()
    this.#signers.set(fingerprint, signed)
    return signed
  }

  #verify(issuer: ChainCertificate): boolean {
    const child = this.#openSsl()
    const key = issuer.publicKey
    try {
      return child !== undefined && key !== undefined && child.verify(key)
    } catch {
      return false
    }
  }

  /** Does what it says of its issuer's key, or name and serial number, fit `issuer`? */
  namesAsIssuer(issuer: ChainCertificate): boolean {
    const { keyId, issuerKey, serial } = readAuthorityKey(this.der)
    const { subjectKeyId } = issuer.fields
    if (keyId !== null && subjectKeyId !== null && keyId !== subjectKeyId) return false
    if (serial !== null && serial !== issuer.fields.serial) return false
    return issuerKey === null || issuerKey === issuer.issuerKey
  }

  /** Its key as OpenSSL takes it, or undefined when it does not. */
  get publicKey(): KeyObject | undefined {
    if (this.#key === null) {
      const node = this.#openSsl()
      this.#key = node && publicKeyOf(node)
    }
    return this.#key
  }

  /** OpenSSL's view, made when first asked for: that costs several times the quick reading */
  #openSsl(): X509Certificate | undefined {
    if (this.#node === null) this.#node = openSslCertificate(this.der)
    return this.#node
  }
}
