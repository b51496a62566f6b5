import { X509Certificate } from 'node:crypto'
import { Fault } from '../../core/fault.ts'
import { parseAddress } from '../../core/address.ts'
import type { Secret } from '../../core/secret.ts'
import { encodePem, readCertificateFile } from '../../pki/pem.ts'

/** How a CA is reached. */
export interface CaSettings {
  /** URL of its directory: https, or http on a loopback address */
  readonly directoryUrl: string
  /** PEM of the roots that its TLS certificate is checked against; default: those that Node brings */
  readonly trustRoots?: string
  readonly proxy?: ProxySettings
  /** for one exchange, from the connection to the last byte. Default 30 s */
  readonly timeoutMs?: number
  /** of the body of one answer. Default 1 MiB */
  readonly maxBodyBytes?: number
  /** the longest wait that is believed of a Retry-After. Default one day */
  readonly maxRetryAfterMs?: number
  readonly userAgent?: string
}

/** An HTTP proxy that tunnels (CONNECT, RFC 9110 §9.3.6). */
export interface ProxySettings {
  /** http://host:port, without a name and password in it */
  readonly url: string
  readonly user?: string
  readonly password?: Secret
}

/** Settings that have been looked at, with every default filled in. */
export interface CheckedSettings {
  readonly directory: URL
  /** how messages call the CA: its host, and its port where it has one of its own */
  readonly name: string
  /** null: the roots that Node brings */
  readonly trustRoots: readonly string[] | null
  readonly proxy: { readonly host: string; readonly port: number; readonly settings: ProxySettings } | null
  readonly timeoutMs: number
  readonly maxBodyBytes: number
  readonly maxRetryAfterMs: number
  readonly userAgent: string
}

/** The settings with their defaults. Throws a Fault acme-settings that names the field, its value and the remedy. */
export function checkSettings(settings: CaSettings): CheckedSettings {
  const directory = directoryOf(settings.directoryUrl)
  const { timeoutMs = 30_000, maxBodyBytes = 1 << 20, maxRetryAfterMs = 86_400_000 } = settings
  return {
    directory,
    name: directory.host,
    trustRoots: settings.trustRoots === undefined ? null : rootsOf(settings.trustRoots),
    proxy: settings.proxy === undefined ? null : proxyOf(settings.proxy),
    timeoutMs,
    maxBodyBytes,
    maxRetryAfterMs,
    userAgent: settings.userAgent ?? 'tlsward'
  }
}

function directoryOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  const isAllowed =
    url && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)))
  if (isAllowed && url.username === '' && url.password === '') return url
  throw new Fault(
    'acme-settings',
    'directoryUrl is no URL of an ACME directory. Write it as the CA gives it: https://, without a name and password.',
    { field: 'directoryUrl' }
  )
}

/** Is this host of a URL the machine itself? Names are not looked up. */
export function isLoopback(hostname: string): boolean {
  if (hostname === 'localhost') return true
  const address = parseAddress(hostname.replace(/^\[|\]$/g, ''))
  return typeof address === 'number' ? address >>> 24 === 127 : address === 1n
}

function rootsOf(pem: string): readonly string[] {
  try {
    return readCertificateFile(Buffer.from(pem)).map((der) => {
      // OpenSSL passes over a root that it cannot read, and then trusts less than was meant
      void new X509Certificate(der)
      return encodePem(der)
    })
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    throw new Fault(
      'acme-settings',
      `trustRoots holds no certificates that can be used: ${why}`,
      { field: 'trustRoots' },
      thrown
    )
  }
}

function proxyOf(settings: ProxySettings): NonNullable<CheckedSettings['proxy']> {
  const url = URL.canParse(settings.url) ? new URL(settings.url) : null
  if (url?.protocol === 'http:' && url.hostname !== '' && url.username === '' && url.password === '') {
    return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || 80, settings }
  }
  throw new Fault(
    'acme-settings',
    'proxy.url is no URL of an HTTP proxy. Write http://host:port, and name and password in their own fields.',
    { field: 'proxy.url' }
  )
}
