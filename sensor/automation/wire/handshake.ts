import { constants } from 'node:crypto'
import net from 'node:net'
import tls from 'node:tls'
import type { KeyFamily, ServedAt } from '../../../connectors/contract.ts'
import type { Clock } from '../../../core/clock.ts'
import type { StartTls } from '../../scan/observation.ts'
import { followPrelude } from '../../scan/probe/starttls/follow.ts'
import { openPrelude } from '../../scan/probe/starttls/index.ts'
import { fingerprintOf } from '../held.ts'
import type { WireVersion } from '../ports.ts'

/** What one handshake is to be. */
export interface HandshakeWish {
  readonly at: ServedAt
  readonly version: WireVersion
  /** the kind of key that the server is to prove */
  readonly family: KeyFamily
}

/**
 * Finishes a handshake on a new connection, without a session to resume: the server has proven that it holds the key.
 * Gives the SHA-256 of the leaf, hex, or null when no handshake comes about in `ms`. Trust is of no concern here.
 */
export function handshake(
  clock: Clock,
  wish: HandshakeWish,
  ms: number,
  signal: AbortSignal
): Promise<string | null> {
  const { at, version, family } = wish
  const { promise, resolve } = Promise.withResolvers<string | null>()
  if (signal.aborted) return Promise.resolve(null)
  const socket = net.connect({ host: at.address, port: at.port, autoSelectFamily: false })
  const nothing = () => resolve(null)
  socket.on('error', nothing).on('close', nothing)
  const begin = () => {
    const servername = at.name === null ? {} : { servername: at.name }
    const secure = tls.connect({ ...offers(version, family), ...servername, socket })
    secure.on('error', nothing)
    secure.once('secureConnect', () => {
      const leaf = secure.getProtocol() === version ? secure.getPeerX509Certificate() : undefined
      resolve(leaf ? fingerprintOf(leaf.raw) : null)
    })
  }
  socket.once('connect', () => {
    if (at.starttls === null) begin()
    else followPrelude(openPrelude(at.starttls as StartTls, at.name), socket, begin)
  })
  const cancel = clock.after(ms, nothing)
  signal.addEventListener('abort', nothing, { once: true })
  return promise.finally(() => {
    cancel()
    signal.removeEventListener('abort', nothing)
    socket.destroy()
  })
}

/** what a key signs with, in TLS 1.3 and before */
const signatures: Readonly<Record<KeyFamily, string>> = {
  rsa: 'rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512:RSA+SHA1',
  // RSA with PKCS#1 may sign certificates in TLS 1.3, but no handshake (RFC 8446 §4.2.3): an EC leaf of an RSA CA passes
  ecdsa: 'ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ECDSA+SHA1:RSA+SHA256:RSA+SHA384:RSA+SHA512'
}

/**
 * Before TLS 1.3 the suite says what key the server proves. HAProxy reads it there also where TLS 1.3 is spoken, and
 * gives RSA to whoever offers no ECDSA suite of TLS 1.2 (seen with 2.6.12).
 */
const suites: Readonly<Record<KeyFamily, string>> = { rsa: 'aRSA', ecdsa: 'aECDSA' }
const suites13 = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256'

function offers(version: WireVersion, family: KeyFamily): tls.ConnectionOptions {
  const before13 = `${suites[family]}:@SECLEVEL=0`
  return {
    // in a hello for TLS 1.3 the older one stands as well, as in those of real clients; what it is answered by counts
    minVersion: 'TLSv1.2',
    maxVersion: version,
    sigalgs: signatures[family],
    // old servers may have weak keys or suites: what they show counts, nothing is entrusted to the connection
    ciphers: version === 'TLSv1.3' ? `${suites13}:${before13}` : before13,
    secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined
  }
}
