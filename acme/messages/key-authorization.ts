import { hash } from 'node:crypto'

/** What a token challenge is answered with: token and thumbprint of the account key (RFC 8555 §8.1). */
export function keyAuthorization(token: string, thumbprint: string): string {
  return `${token}.${thumbprint}`
}

/** The text of the TXT record of dns-01 (RFC 8555 §8.4). */
export function dnsRecordText(authorization: string): string {
  return hash('sha256', authorization, 'base64url')
}

/** The 32 bytes in the acmeIdentifier extension of tls-alpn-01 (RFC 8737 §3). */
export function acmeIdentifierValue(authorization: string): Buffer {
  return hash('sha256', authorization, 'buffer')
}
