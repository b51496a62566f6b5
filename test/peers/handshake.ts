import { connect } from 'node:tls'

/** What a full handshake showed. */
export type Shown =
  | {
      readonly ok: true
      readonly fingerprint: string
      readonly version: string
      /** common name of the issuer */
      readonly issuer: string
      /** milliseconds since the epoch */
      readonly notAfter: number
      /** does it lead to one of `roots`, and is the name among its own? */
      readonly trusted: boolean
    }
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
  /** PEM, instead of those that Node knows */
  readonly roots?: readonly string[]
}

const signatures = {
  rsa: 'rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512',
  ecdsa: 'ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512'
}

/** One new connection and one whole handshake by OpenSSL (node:tls), without resumption and without judging. */
export function shakeHands(options: HandshakeOptions): Promise<Shown> {
  const { host = '127.0.0.1', port, name = null, family, version, timeoutMs = 5_000, roots } = options
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port,
      rejectUnauthorized: false,
      ...(name === null ? {} : { servername: name }),
      ...(family ? { sigalgs: signatures[family] } : {}),
      ...(roots ? { ca: [...roots] } : {}),
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
      const { fingerprint256, issuer, valid_to } = socket.getPeerCertificate()
      done({
        ok: true,
        fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
        version: socket.getProtocol() ?? '',
        issuer: [issuer.CN].flat()[0] ?? '',
        notAfter: Date.parse(valid_to),
        trusted: socket.authorized
      })
    })
  })
}

/** The fingerprint that is shown, or the error in words: for assertions on one line. */
export async function shownAt(options: HandshakeOptions): Promise<string> {
  const shown = await shakeHands(options)
  return shown.ok ? shown.fingerprint : `error: ${shown.error}`
}
