import net from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeChain } from './chains.ts'
import { tls12Flight, tls13Flight, type CannedFlight } from './flights.ts'
import { runJob } from './contenders.ts'

/** Our hello, and what servers answer to it. */
export interface Material {
  /** file with the bytes that the scan sends first */
  readonly helloFile: string
  /** file with the root of the RSA chain */
  readonly rootFile: string
  readonly tls12: CannedFlight
  readonly tls13: CannedFlight
  readonly tls13Ecdsa: CannedFlight
}

/** Makes keys, chains and flights for the hello that our scan really sends: it is caught on the wire. */
export async function makeMaterial(folder: string, signal: AbortSignal): Promise<Material> {
  const [hello, rsa, ecdsa] = await Promise.all([catchHello(signal), makeChain('RSA'), makeChain('ECDSA')])
  const helloFile = join(folder, 'hello.bin')
  writeFileSync(helloFile, hello)
  const rootFile = join(folder, 'root.der')
  writeFileSync(rootFile, rsa.certificates.at(-1) ?? '')
  return {
    helloFile,
    rootFile,
    tls12: tls12Flight(hello, rsa),
    tls13: tls13Flight(hello, rsa),
    tls13Ecdsa: tls13Flight(hello, ecdsa)
  }
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
