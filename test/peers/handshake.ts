import { connect, type DetailedPeerCertificate } from 'node:tls'

/** What a full handshake showed. */
export type Shown =
  | {
      readonly ok: true
      readonly fingerprint: string
      /** fingerprints of what came behind the leaf, in order */
      readonly chain: readonly string[]
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
  // PKCS#1 signs no handshake of TLS 1.3, but certificates: the leaf may come from an RSA CA
  ecdsa: 'ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512'
}
/**
 * Before TLS 1.3 the suite says what key is proven. HAProxy looks at the suites also when the version is TLS 1.3: so
 * TLS 1.2 is offered with it, as real clients do.
 */
const suites = {
  rsa: 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:aRSA',
  ecdsa: 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:aECDSA'
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
      ...(roots ? { ca: [...roots] } : {}),
      ...(family ? { sigalgs: signatures[family], ciphers: suites[family] } : {}),
      ...(version ? { minVersion: 'TLSv1.2', maxVersion: version } : {})
    })
    const done = (shown: Shown) => {
      socket.destroy()
      resolve(shown)
    }
    socket.setTimeout(timeoutMs, () => done({ ok: false, error: `nothing for ${timeoutMs} ms` }))
    socket.on('error', (error) => done({ ok: false, error: error.message }))
    socket.on('end', () => done({ ok: false, error: 'the server closed' }))
    socket.on('secureConnect', () => {
      const leaf = socket.getPeerCertificate(true)
      const { issuer, valid_to } = leaf
      const spoken = socket.getProtocol() ?? ''
      if (version && spoken !== version) return done({ ok: false, error: `it speaks ${spoken}` })
      return done({
        ok: true,
        fingerprint: fingerprintOf(leaf),
        chain: chainBehind(leaf),
        version: spoken,
        issuer: [issuer.CN].flat()[0] ?? '',
        notAfter: Date.parse(valid_to),
        trusted: socket.authorized
      })
    })
  })
}

function fingerprintOf({ fingerprint256 }: DetailedPeerCertificate): string {
  return fingerprint256.replaceAll(':', '').toLowerCase()
}

/** Node adds nothing that the server did not send, but for what it trusts itself, and lets a root be its own issuer. */
function chainBehind(leaf: DetailedPeerCertificate): string[] {
  const chain: string[] = []
  for (let last = leaf, next = leaf.issuerCertificate; next && next !== last; next = next.issuerCertificate) {
    chain.push(fingerprintOf(next))
    last = next
  }
  return chain
}

/** The fingerprint that is shown, or the error in words: for assertions on one line. */
export async function shownAt(options: HandshakeOptions): Promise<string> {
  const shown = await shakeHands(options)
  return shown.ok ? shown.fingerprint : `error: ${shown.error}`
}
