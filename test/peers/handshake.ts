import { connect } from 'node:tls'

/** What a full handshake showed. */
export type Shown =
  | { readonly ok: true; readonly fingerprint: string; readonly version: string }
  | { readonly ok: false; readonly error: string }

/** Where and how to shake hands. */
export interface HandshakeOptions {
  readonly host?: string
  readonly port: number
  readonly name?: string | null
  /** the kind of key that the server must prove; left out: its choice */
  readonly family?: 'rsa' | 'ecdsa'
  readonly version?: 'TLSv1.2' | 'TLSv1.3'
  readonly timeoutMs?: number
}

const signatures = {
  rsa: 'rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512',
  ecdsa: 'ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512'
}

/** One new connection and one whole handshake by OpenSSL (node:tls), without resumption and without judging. */
export function shakeHands(options: HandshakeOptions): Promise<Shown> {
  const { host = '127.0.0.1', port, name = null, family, version, timeoutMs = 5_000 } = options
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port,
      rejectUnauthorized: false,
      ...(name === null ? {} : { servername: name }),
      ...(family ? { sigalgs: signatures[family] } : {}),
      ...(version ? { minVersion: version, maxVersion: version } : {})
    })
    const done = (shown: Shown) => {
      socket.destroy()
      resolve(shown)
    }
    socket.setTimeout(timeoutMs, () => done({ ok: false, error: `nothing for ${timeoutMs} ms` }))
    socket.on('error', (error) => done({ ok: false, error: error.message }))
    socket.on('end', () => done({ ok: false, error: 'the server closed' }))
    socket.on('secureConnect', () => {
      const { fingerprint256 } = socket.getPeerCertificate()
      const fingerprint = fingerprint256.replaceAll(':', '').toLowerCase()
      done({ ok: true, fingerprint, version: socket.getProtocol() ?? '' })
    })
  })
}

/** The fingerprint that is shown, or the error in words: for assertions on one line. */
export async function shownAt(options: HandshakeOptions): Promise<string> {
  const shown = await shakeHands(options)
  return shown.ok ? shown.fingerprint : `error: ${shown.error}`
}
