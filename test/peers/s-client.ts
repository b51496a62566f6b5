import { spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'

/** Where and how `openssl s_client` looks. */
export interface SClientTarget {
  readonly host: string
  readonly port: number
  readonly args?: readonly string[]
  /** SNI is sent only when `args` say so */
  readonly timeoutMs?: number
}

/** What it saw: the chain as served, and everything it wrote. */
export interface SClientSight {
  /** SHA-256 of each certificate's DER, lower-case hex, in the order served */
  readonly chain: readonly string[]
  readonly output: string
}

/** Looks at a server with `openssl s_client -showcerts`. It never rejects for what the server does. */
export async function lookWithOpenssl({
  host,
  port,
  args = [],
  timeoutMs = 10_000
}: SClientTarget): Promise<SClientSight> {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const name = args.includes('-servername') ? [] : ['-noservername']
  const child = spawn('openssl', ['s_client', '-connect', address, '-showcerts', ...name, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs
  })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.on('error', reject)
  child.on('close', () => resolve(output))
  await promise
  return { chain: chainIn(output), output }
}

/** Between "Certificate chain" and "Server certificate" each certificate is written once, in the order served. */
function chainIn(output: string): string[] {
  const part = output.slice(
    output.indexOf('Certificate chain'),
    output.lastIndexOf('---\nServer certificate')
  )
  const pems = part.match(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g) ?? []
  return pems.map((pem) => new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase())
}
