import { domainToASCII } from 'node:url'
import { parseAddress } from '../../../core/address.ts'

// an underscore is no host name by RFC 1123, but internal DNS has such names and servers answer to them
const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/

// every label of these characters survives; the rest would be decoded (%41) or cut (/) on the way
const writable = /^[\p{L}\p{N}\p{M}._-]+$/u

/**
 * A host name as it is compared, resolved and sent as server name: A-labels (RFC 5890), lower case, no final
 * dot. Undefined when the text is no host name; an address in whatever spelling (0x7f.1, 127.1, digits of
 * other scripts) is none.
 */
export function hostName(text: string): string | undefined {
  if (text.length > 1000 || !writable.test(text)) return undefined
  // a name whose last label is a number is read as an address here, or refused (WHATWG URL §3.5)
  const ascii = domainToASCII(text.toLowerCase()).replace(/\.$/, '')
  if (ascii.length > 253 || parseAddress(ascii) !== undefined) return undefined
  return ascii.split('.').every((one) => label.test(one)) ? ascii : undefined
}
