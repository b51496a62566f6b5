import { type TLSSocket, type TlsOptions, createServer } from 'node:tls'
import { type Certificate, pemOf } from './certificates.ts'
import { type Peer, type Where, listenWith } from './peer.ts'

/** A TLS server of Node: which certificates it shows, and anything that `tls.createServer` takes. */
export interface TlsServer extends TlsOptions {
  /** one, or one for each type of key */
  readonly show: readonly Certificate[]
  /** certificates by server name, in addition to `show` */
  readonly byName?: Readonly<Record<string, Certificate>>
  /** what is sent as chain instead of the certificate's own; for one certificate */
  readonly chain?: readonly Certificate[]
  /** an OCSP response to staple, as it is */
  readonly staple?: Buffer
  /** what is served once the handshake is done; default: an HTTP answer */
  readonly serve?: (socket: TLSSocket) => void
}

/** Also what the defaults of OpenSSL forbid: old versions, small keys, SHA-1 and MD5. */
export const lenient = 'DEFAULT:@SECLEVEL=0'

/** Key and chain as `tls` takes them. */
export function credentials(certificates: readonly Certificate[]): { key: string[]; cert: string[] } {
  return {
    key: certificates.map(({ keyPem }) => keyPem),
    cert: certificates.map(({ chain }) => pemOf(chain))
  }
}

/** Starts a TLS server in this process. */
export async function startTls(
  { show, byName = {}, chain, staple, serve, ...options }: TlsServer,
  where?: Where
): Promise<Peer> {
  const shown = chain ? { key: show.map(({ keyPem }) => keyPem), cert: [pemOf(chain)] } : credentials(show)
  const server = createServer({ ...shown, ...options }, serve ?? answerHttp)
  for (const [name, certificate] of Object.entries(byName))
    server.addContext(name, credentials([certificate]))
  if (staple) server.on('OCSPRequest', (_certificate, _issuer, answer) => answer(null, staple))
  server.on('tlsClientError', () => {})
  return listenWith(server, where)
}

function answerHttp(socket: TLSSocket): void {
  socket.on('error', () => {})
  socket.once('data', () => {
    socket.end('HTTP/1.1 200 OK\r\nServer: peer/1.0\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n')
  })
}
