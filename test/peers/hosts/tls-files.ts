// A small TLS server that reads its pairs from PEM files, and again on SIGHUP: pairs that it cannot use it refuses,
// says so on standard error and goes on with what it has. A process of its own: node tls-files.ts CONFIG.json
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { argv, pid, stderr } from 'node:process'
import { createSecureContext, createServer, type SecureContext } from 'node:tls'

/** What the server is started with. */
export interface TlsFilesConfig {
  readonly pidFile: string
  /** one line for each reload that was asked for: `good` or `refused` */
  readonly reloads: string
  readonly sites: readonly {
    readonly names: readonly string[]
    readonly port: number
    readonly pairs: readonly { readonly certificate: string; readonly key: string }[]
  }[]
}

const { sites, pidFile, reloads } = JSON.parse(readFileSync(argv[2] ?? '', 'utf8')) as TlsFilesConfig

function read(pairs: TlsFilesConfig['sites'][number]['pairs']) {
  for (const { certificate, key } of pairs) {
    const leaf = new X509Certificate(readFileSync(certificate))
    if (!leaf.checkPrivateKey(createPrivateKey(readFileSync(key)))) {
      throw new Error(`${certificate}: ${key} is the key of another certificate`)
    }
  }
  return {
    cert: pairs.map(({ certificate }) => readFileSync(certificate)),
    key: pairs.map(({ key }) => readFileSync(key))
  }
}

/**
 * For each port the pairs of its first site, and a context for each name of the others. Only the first site can have
 * two kinds of key: Node takes one pair of a context that is chosen by name.
 */
function load() {
  const first = new Map<number, ReturnType<typeof read>>()
  const named = new Map<string, SecureContext>()
  for (const { names, port, pairs } of sites) {
    const pair = read(pairs)
    if (!first.has(port)) first.set(port, pair)
    else for (const name of names) named.set(`${port} ${name}`, createSecureContext(pair))
  }
  return { first, named }
}

let loaded = load()
const servers = [...loaded.first].map(([port, pair]) => {
  const server = createServer({
    ...pair,
    SNICallback: (name, done) => done(null, loaded.named.get(`${port} ${name}`))
  })
  server.on('secureConnection', (socket) => void socket.on('error', () => {}).end('ok'))
  server.on('tlsClientError', () => {})
  server.listen(port, '127.0.0.1')
  return { server, port }
})

process.on('SIGHUP', () => {
  try {
    loaded = load()
    for (const { server, port } of servers) server.setSecureContext(loaded.first.get(port) ?? {})
    appendFileSync(reloads, 'good\n')
  } catch (thrown) {
    stderr.write(`refused: ${String(thrown)}\n`)
    appendFileSync(reloads, 'refused\n')
  }
})
writeFileSync(reloads, '')
writeFileSync(pidFile, `${pid}\n`)
