import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'

/** What the configuration of a file device says of a target. */
export interface FileTarget {
  readonly names: readonly string[]
  /** PEM files (leaf, chain, key) by kind of key */
  readonly slots: Readonly<Partial<Record<'rsa' | 'ecdsa', string>>>
}

/** The configuration of a file device: conf.json in its directory. */
export interface FileConf {
  readonly targets: Readonly<Record<string, FileTarget>>
}

/** A device of files: TLS servers that serve the PEM files that its configuration names, as of its last reload. */
export interface FileServer {
  readonly directory: string
  /** where each target is served. Node serves one kind of key to a name, but two at a port */
  readonly ports: Readonly<Record<string, number>>
  readonly controlPort: number
  /** acknowledges reloads and does not do them, until it is told otherwise */
  ignoreReloads(what: 'ignored' | 'done'): void
  /** from its next reload on it shows another target's certificate at this target's port */
  confuse(target: string, other: string): void
  /** tells the port of each connection that comes to a target */
  heard(tell: (port: number) => void): void
  /** stops to listen, or listens again at the same ports */
  power(what: 'off' | 'on'): Promise<void>
  close(): Promise<void>
}

/** Starts it on the loopback; it reads conf.json in `directory`. */
export async function startFileServer(directory: string): Promise<FileServer> {
  const device = new Device(directory)
  for (const target of Object.keys(confOf(directory).targets)) await device.serve(target)
  const control = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (line) => {
      if (line.toString().startsWith('reload')) device.reload()
      socket.end(digest(device.loaded))
    })
  })
  const controlPort = await listening(control, 0)
  return {
    directory,
    ports: device.ports,
    controlPort,
    ignoreReloads: (what) => void (device.ignores = what === 'ignored'),
    heard: (tell) => void (device.tell = tell),
    confuse: (target, other) => void device.confusion.set(target, other),
    async power(what) {
      if (what === 'off') await device.close()
      else for (const target of Object.keys(device.ports)) await device.serve(target)
    },
    async close() {
      await device.close()
      await new Promise((resolve) => control.close(resolve))
    }
  }
}

class Device {
  readonly ports: Record<string, number> = {}
  readonly confusion = new Map<string, string>()
  readonly #directory: string
  readonly #servers = new Map<string, tls.Server>()
  loaded: string
  ignores = false
  tell: (port: number) => void = () => {}

  constructor(directory: string) {
    this.#directory = directory
    this.loaded = confText(directory)
  }

  async serve(target: string): Promise<void> {
    const server = tls.createServer({ minVersion: 'TLSv1.2', ...this.#credentials(target) })
    server.on('connection', () => this.tell(this.ports[target] ?? 0))
    // clients go as soon as they have seen what they want
    server.on('tlsClientError', () => {})
    server.on('secureConnection', (socket) => socket.on('error', () => {}))
    this.#servers.set(target, server)
    this.ports[target] = await listening(server, this.ports[target] ?? 0)
  }

  reload(): void {
    if (this.ignores) return
    this.loaded = confText(this.#directory)
    for (const [target, server] of this.#servers) {
      server.setSecureContext(this.#credentials(this.confusion.get(target) ?? target))
    }
  }

  async close(): Promise<void> {
    for (const server of this.#servers.values()) await new Promise((resolve) => server.close(resolve))
    this.#servers.clear()
  }

  #credentials(target: string): tls.SecureContextOptions {
    const slots = Object.values((JSON.parse(this.loaded) as FileConf).targets[target]?.slots ?? {})
    const pems = slots.map((file) => readFileSync(join(this.#directory, file), 'utf8'))
    return { cert: pems, key: pems }
  }
}

/** SHA-256 of a configuration, hex. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function confText(directory: string): string {
  return readFileSync(join(directory, 'conf.json'), 'utf8')
}

function confOf(directory: string): FileConf {
  return JSON.parse(confText(directory)) as FileConf
}

function listening(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on('error', reject)
    server.listen({ host: '127.0.0.1', port }, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : 0)
    })
  })
}
