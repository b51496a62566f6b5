import { hash } from 'node:crypto'
import type { CertificateFields, KeyType } from '../../../pki/fields.ts'
import { readCertificate } from '../../../pki/quick.ts'
import type { ServedChain } from '../observation.ts'
import { copyOf } from './bytes.ts'
import type { CertificateList } from './certificate-list.ts'

/** What the book knows of one chain. */
export interface BookedChain {
  readonly chain: ServedChain
  readonly keyType: KeyType
}

/** messages of one length that are compared byte by byte before any is hashed, and lengths for which */
const recentPerLength = 4
const recentLengths = 1_024
const longestRecent = 16_384

/**
 * Chains that this scan has met. Data centres serve the same few chains from many endpoints: the bytes or one
 * hash of the Certificate message tell a known one, and only new ones are parsed and handed on with their bytes.
 */
export class ChainBook {
  readonly #recent = new Map<number, { readonly body: Buffer; readonly booked: BookedChain }[]>()
  readonly #byMessage = new Map<string, BookedChain>()
  readonly #handedOver = new Set<string>()
  /** hashes of members behind a leaf that were read */
  readonly #issuers = new Set<string>()
  readonly #limit: number

  /** `limit`: chains that are remembered; a forgotten one is parsed and handed on again */
  constructor(limit = 65_536) {
    this.#limit = limit
  }

  /**
   * The chain of a Certificate message, or undefined when its leaf is no certificate. A chain of the leaf `shown`
   * that the book does not know is only looked at: its bytes would go to somebody who has no use for them, and
   * whoever meets it next would not get them.
   */
  enter(list: CertificateList, shown?: string): BookedChain | undefined {
    const recent = this.#recent.get(list.body.length)
    // comparing is ten times cheaper than hashing
    const same = recent?.find(({ body }) => body.compare(list.body) === 0)
    if (same) return same.booked
    const booked = this.#look(list, shown)
    if (booked && this.#handedOver.has(booked.chain.id))
      this.#remember(list.body, { ...booked, chain: { id: booked.chain.id, leaf: booked.chain.leaf } })
    return booked
  }

  #remember(message: Uint8Array, booked: BookedChain): void {
    if (message.length > longestRecent) return
    if (this.#recent.size >= recentLengths) this.#recent.clear()
    const recent = this.#recent.get(message.length) ?? []
    recent.unshift({ body: Buffer.from(message), booked })
    recent.length = Math.min(recent.length, recentPerLength)
    this.#recent.set(message.length, recent)
  }

  #look(list: CertificateList, shown: string | undefined): BookedChain | undefined {
    const key = hash('sha256', list.body, 'base64')
    const known = this.#byMessage.get(key)
    if (known) return known
    const leaf = parse(list.certificates[0])
    if (!leaf) return undefined
    // TLS 1.3 frames the same chain differently, and staples make messages differ: the id is of the chain alone
    // the list is views of a buffer that the next read overwrites
    const certificates = list.certificates.filter((der, at) => at === 0 || this.#reads(der)).map(copyOf)
    const id = hash('sha256', Buffer.concat(certificates), 'hex')
    const booked = { chain: { id, leaf: leaf.fingerprint }, keyType: leaf.keyType }
    if (leaf.fingerprint === shown) return booked
    if (this.#byMessage.size >= this.#limit) this.#forget()
    this.#byMessage.set(key, booked)
    if (this.#handedOver.has(id)) return booked
    this.#handedOver.add(id)
    return { ...booked, chain: { ...booked.chain, certificates } }
  }

  /** is a member of a chain, the same few intermediates again and again, a certificate? */
  #reads(der: Uint8Array): boolean {
    const key = hash('sha256', der, 'base64')
    if (this.#issuers.has(key)) return true
    if (!parse(der)) return false
    if (this.#issuers.size >= this.#limit) this.#issuers.clear()
    this.#issuers.add(key)
    return true
  }

  #forget(): void {
    this.#byMessage.clear()
    this.#handedOver.clear()
  }
}

/** a member that is no certificate is left out of the chain; without a leaf there is none */
function parse(der: Uint8Array | undefined): CertificateFields | undefined {
  if (!der) return undefined
  try {
    return readCertificate(der)
  } catch {
    return undefined
  }
}
