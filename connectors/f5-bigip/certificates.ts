import { parseAddress, formatAddress } from '../../core/address.ts'
import type { Slot } from '../contract.ts'
import type { CertificateReply } from './replies.ts'

/** A certificate object of the device. */
export interface Certificate {
  readonly fullPath: string
  readonly partition: string
  /** `SHA1:size:hex` of the file's bytes; empty: the device does not say */
  readonly checksum: string
  /** SHA-256 of the leaf's DER, lower-case hex; null: the version does not say */
  readonly fingerprint: string | null
  readonly family: Slot['family']
  readonly names: readonly string[]
  /** milliseconds since the epoch */
  readonly notAfter: number
  /** OCSP stapling hangs on the object, and is not carried to another one */
  readonly isStapled: boolean
}

const families: Readonly<Record<string, Slot['family']>> = { 'rsa-public': 'rsa', 'ec-public': 'ecdsa' }

/** A certificate as the device tells of it. */
export function certificateOf(reply: CertificateReply): Certificate {
  const names = namesIn(reply.subjectAlternativeName ?? '')
  return {
    fullPath: reply.fullPath,
    partition: reply.partition ?? reply.fullPath.split('/')[1] ?? 'Common',
    checksum: reply.checksum ?? '',
    fingerprint: fingerprintIn(reply.fingerprint ?? ''),
    family: families[reply.keyType ?? ''] ?? 'other',
    names: names.length > 0 ? names : commonName(reply.subject ?? ''),
    notAfter: (reply.expirationDate ?? 0) * 1000,
    isStapled: (reply.certValidationOptions ?? []).includes('ocsp')
  }
}

/** `SHA256/AA:BB:…` */
function fingerprintIn(text: string): string | null {
  const hex = /^SHA-?256\/((?:[0-9A-F]{2}:){31}[0-9A-F]{2})$/i.exec(text)?.[1]
  return hex === undefined ? null : hex.replaceAll(':', '').toLowerCase()
}

/** `DNS:a.example, DNS:b.example, IP Address:192.0.2.1` */
function namesIn(text: string): string[] {
  return text.split(',').flatMap((part) => {
    const [, kind = '', value = ''] = /^([A-Za-z ]+):\s*(\S.*)$/.exec(part.trim()) ?? []
    if (kind === 'DNS') return /^(\*\.)?[\w.-]+$/.test(value) ? value.toLowerCase() : []
    if (kind !== 'IP Address' && kind !== 'IP') return []
    const address = parseAddress(value)
    return address === undefined ? [] : formatAddress(address)
  })
}

/** `CN=www.example.com,OU=…`: what clients of old looked at */
function commonName(subject: string): string[] {
  const name = /(?:^|,\s*|\/)CN\s*=\s*([^,/]+)/i.exec(subject)?.[1]?.trim().toLowerCase()
  return name !== undefined && /^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(name) ? [name] : []
}

/** What a target holds in a certificate object. */
export function slotOf({ fullPath, fingerprint, family, names, notAfter }: Certificate): Slot {
  return { family, fingerprint: fingerprint ?? '', object: fullPath, names, notAfter }
}
