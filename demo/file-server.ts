import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer as createSocketServer } from 'node:net'
import { execPath } from 'node:process'
import { createServer } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { keyBeside, writePairs, writer } from '../test/peers/hosts/files.ts'
import type { ServedSite, Site } from '../test/peers/hosts/program.ts'
import { listenWith, type Peer } from '../test/peers/peer.ts'

/** What a server is started with. */
export interface FileServerOptions {
  /** an empty folder of its own */
  readonly folder: string
  readonly site: Site
  readonly where: { readonly host: string; readonly port: number }
  /** RSA keys of more bits it refuses, as old devices do */
  readonly mostBits?: number
}

/** A server that is running: its files, and the command that has it read them again. */
export interface FileServer extends Peer {
  readonly site: ServedSite
  /** ends with another code than 0, and says why, when the server refuses the files and goes on with what it has */
  readonly reload: string
}

/** A small TLS server with one pair of PEM files, which it tests before it uses them. */
export async function startFileServer(options: FileServerOptions): Promise<FileServer> {
  const { folder, where } = options
  const [site] = writePairs(folder, [options.site], new Map([[options.site.listener, where.port]]))
  const [certificate] = Object.values(site?.certificates ?? {})
  if (!site || certificate === undefined) throw new Error('a server needs a pair')
  const read = () => readPair(certificate, options.mostBits ?? Infinity)
  const tls = createServer(read(), (socket) => socket.on('error', () => {}).end('ok'))
  tls.on('tlsClientError', () => {})
  const peer = await listenWith(tls, where)

  const control = createSocketServer((socket) => {
    socket.on('error', () => {})
    try {
      tls.setSecureContext(read())
      socket.end('ok')
    } catch (thrown) {
      socket.end(thrown instanceof Error ? thrown.message : String(thrown))
    }
  })
  const socketPath = `${folder}/control`
  await new Promise<void>((resolve, reject) =>
    control.on('error', reject).listen(socketPath, () => resolve())
  )
  const script = fileURLToPath(new URL('reload.ts', import.meta.url))
  const command = [execPath, script, socketPath].map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
  return {
    ...peer,
    site,
    reload: `/bin/sh ${writer(folder)('reload', `exec ${command.join(' ')}\n`)}`,
    async close() {
      control.close()
      await peer.close()
    }
  }
}

/** The pair of two files. Throws when the server would not serve it. */
function readPair(certificate: string, mostBits: number): { cert: Buffer; key: Buffer } {
  const pair = { cert: readFileSync(certificate), key: readFileSync(keyBeside(certificate)) }
  const key = createPrivateKey(pair.key)
  if (!new X509Certificate(pair.cert).checkPrivateKey(key))
    throw new Error('the key is of another certificate')
  const { modulusLength = 0 } = createPublicKey(key).asymmetricKeyDetails ?? {}
  if (modulusLength > mostBits) {
    throw new Error(`its RSA key has ${modulusLength} bits, and this server takes ${mostBits} at most`)
  }
  return pair
}
