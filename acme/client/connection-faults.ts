import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import type { CheckedSettings } from './settings.ts'
import { TunnelRefused } from './tunnel.ts'

/** Codes of Node and OpenSSL for a TLS certificate that is not believed, and what each says to a person. */
const untrusted: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its root is not among the trusted ones',
  UNABLE_TO_GET_ISSUER_CERT: 'its issuer is not among the trusted ones',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its issuer is not among the trusted ones',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'the server does not send the certificate of its issuer, or it is not trusted',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet, or the clock of this machine is wrong',
  CERT_UNTRUSTED: 'it is not trusted',
  CERT_REJECTED: 'it is rejected',
  CERT_SIGNATURE_FAILURE: 'its signature is wrong',
  INVALID_CA: 'a certificate in its chain is no CA',
  INVALID_PURPOSE: 'it is not made for servers',
  PATH_LENGTH_EXCEEDED: 'its chain is longer than a CA in it allows',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another name'
}

/** Whatever went wrong on the way to a CA, as a fault; a fault stays as it is. */
export function connectionFault(thrown: unknown, { name, proxy }: CheckedSettings): Fault {
  if (thrown instanceof Fault) return thrown
  const code = codeOf(thrown)
  const why = untrusted[code]
  if (why !== undefined) {
    return new Fault(
      'acme-untrusted',
      `The TLS certificate of the CA ${name} is not believed: ${why}. Give the root that it is issued under, or correct the address.`,
      { code },
      thrown
    )
  }
  if (code.startsWith('HPE_')) {
    return new Fault(
      'acme-malformed',
      `The CA ${name} sends something that is no HTTP, or more headers than are read. Check that the address is that of an ACME directory.`,
      { code },
      thrown
    )
  }
  const message = visible(thrown instanceof Error ? thrown.message || code : String(thrown))
  const way = proxy ? ' through the proxy' : ''
  const remedy =
    thrown instanceof TunnelRefused && thrown.status === 407
      ? 'Give the name and password of the proxy.'
      : 'Check the network, the proxy, and the address of the CA.'
  return new Fault(
    'acme-unreachable',
    `The CA ${name} cannot be reached${way}: ${message}. ${remedy}`,
    { code },
    thrown
  )
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : ''
}
