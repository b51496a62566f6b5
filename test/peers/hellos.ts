import { once } from 'node:events'
import { type AddressInfo, type Socket, createServer } from 'node:net'
import { type ConnectionOptions, connect } from 'node:tls'

/** The hello that Node's own TLS client sends. */
export async function realHello(options: ConnectionOptions = {}): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = connect({ port, host: '127.0.0.1', ecdhCurve: 'P-256:X25519', ...options })
  client.on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [Socket]
  const [hello] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  server.close()
  return hello
}

/** A hello without extensions, as of the nineties. */
export function plainHello(version: number, suites = '009c002f0035000a0005', compressions = '00'): Buffer {
  const list = (lengthBytes: 1 | 2, hex: string) => {
    const bytes = Buffer.from(hex, 'hex')
    return Buffer.concat([Buffer.of(...(lengthBytes === 2 ? [0] : []), bytes.length), bytes])
  }
  const head = Buffer.of(version >> 8, version & 0xff, ...Buffer.alloc(32, 7), 0)
  const body = Buffer.concat([head, list(2, suites), list(1, compressions)])
  const message = Buffer.concat([Buffer.of(1, 0, 0, body.length), body])
  return Buffer.concat([Buffer.of(22, 3, 0, 0, message.length), message])
}

/** CLIENT-HELLO of SSL 2.0 that offers RC4 with MD5, with a challenge of 16 bytes. */
export const ssl2Hello: Buffer = Buffer.concat([
  Buffer.from('801c010002000300000010010080', 'hex'),
  Buffer.alloc(16, 7)
])
