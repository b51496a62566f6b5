import net from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeChain, type Chain } from './chains.ts'
import { tls12Flight, tls13Flight, type CannedFlight } from './flights.ts'
import { runJob } from './contenders.ts'

/** Our hello, and what servers answer to it. */
export interface Material {
  /** file with the bytes that the scan sends first */
  readonly helloFile: string
  readonly tls12: CannedFlight
  readonly tls12Ecdsa: CannedFlight
  readonly tls13: CannedFlight
  readonly tls13Ecdsa: CannedFlight
}

/** Makes keys, chains and flights for the hello that our scan really sends: it is caught on the wire. */
export async function makeMaterial(folder: string, signal: AbortSignal): Promise<Material> {
  const [hello, rsa, ecdsa] = await Promise.all([catchHello(signal), makeChain('RSA'), makeChain('ECDSA')])
  const helloFile = join(folder, 'hello.bin')
  writeFileSync(helloFile, hello)
  return {
    helloFile,
    tls12: flight(tls12Flight, hello, rsa),
    tls12Ecdsa: flight(tls12Flight, hello, ecdsa),
    tls13: flight(tls13Flight, hello, rsa),
    tls13Ecdsa: flight(tls13Flight, hello, ecdsa)
  }
}

function flight(make: typeof tls12Flight, hello: Uint8Array, chain: Chain): CannedFlight {
  return make(hello, chain)
}

/** The first bytes that a scan of ours sends to a server. */
async function catchHello(signal: AbortSignal): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>()
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (bytes) => {
      resolve(bytes)
      socket.destroy()
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as net.AddressInfo
  try {
    await runJob({ first: '127.0.0.1', last: '127.0.0.1', ports: [port] }, { signal })
    return await promise
  } finally {
    server.close()
  }
}
