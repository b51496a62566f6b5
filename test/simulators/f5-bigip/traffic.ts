import {
  createServer as createPlain,
  type IncomingMessage,
  type Server as PlainServer,
  type ServerResponse
} from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { type HelloReading, readHello } from '../../peers/client-hello.ts'
import type { Configuration, Virtual } from './configuration.ts'
import { type Destination, isLoopback, readDestination } from './destination.ts'
import { type Front, frontOf, profileFor, secureServer } from './tls-front.ts'

/** A virtual server that listens: a server for connections, which are given to those that speak. */
interface Listener {
  readonly where: string
  readonly server: Server
  readonly sockets: Set<Socket>
  readonly plain: PlainServer
  /** TLS 1.2, by id */
  readonly sessions: Map<string, Buffer>
  /** null: it speaks HTTP without TLS */
  front: Front | null
}

/** an alert unrecognized_name (RFC 6066 §3) */
const unrecognizedName = Buffer.from([21, 3, 3, 0, 2, 2, 112])
/** no hello is longer */
const largestHello = 65_536

/** The virtual servers of a unit, really listening: on the loopback, and nowhere else. */
export class Traffic {
  readonly #listeners = new Map<string, Listener>()
  readonly #isServed: (virtual: Virtual) => boolean
  /** why a virtual server does not listen, by its full path */
  readonly unserved = new Map<string, string>()
  #work: Promise<void> = Promise.resolve()

  constructor(isServed: (virtual: Virtual) => boolean) {
    this.#isServed = isServed
  }

  /** Makes what listens what the configuration says. New handshakes see it as soon as this resolves. */
  settle(configuration: Configuration): Promise<void> {
    this.#work = this.#work.then(() => this.#settled(configuration))
    return this.#work
  }

  /** Breaks every connection, as a reboot does. */
  hangUp(): void {
    for (const { sockets } of this.#listeners.values()) for (const socket of sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    await this.#work
    this.hangUp()
    for (const name of this.#listeners.keys()) this.#close(name)
  }

  async #settled(configuration: Configuration): Promise<void> {
    this.unserved.clear()
    const wanted = new Map<string, { readonly where: Destination; readonly virtual: Virtual }>()
    for (const virtual of Object.values(configuration.virtuals)) {
      const place = placeOf(virtual, this.#isServed(virtual))
      if (typeof place === 'string') this.unserved.set(virtual.fullPath, place)
      else wanted.set(virtual.fullPath, { where: place, virtual })
    }
    for (const [name, { where }] of this.#listeners) {
      const next = wanted.get(name)
      if (!next || keyOf(next.where) !== where) this.#close(name)
    }
    for (const [name, { where, virtual }] of wanted) {
      const listener = this.#listeners.get(name) ?? (await this.#opened(name, where))
      if (listener) this.#show(listener, configuration, virtual)
    }
  }

  #show(listener: Listener, configuration: Configuration, virtual: Virtual): void {
    try {
      show(listener, configuration, virtual)
    } catch (thrown) {
      // a pair that OpenSSL cannot use, though the device could
      this.unserved.set(virtual.fullPath, thrown instanceof Error ? thrown.message : 'unusable')
      this.#close(virtual.fullPath)
    }
  }

  async #opened(name: string, where: Destination): Promise<Listener | null> {
    const plain = createPlain(respond(name))
    const server = createServer((socket) => accept(listener, socket))
    const listener: Listener = {
      where: keyOf(where),
      server,
      sockets: new Set(),
      plain,
      sessions: new Map(),
      front: null
    }
    const { promise, resolve } = Promise.withResolvers<string | null>()
    server.on('error', (error) => resolve(error.message))
    server.listen({ host: where.address, port: where.port }, () => resolve(null))
    const wrong = await promise
    if (wrong !== null) {
      this.unserved.set(name, wrong)
      return null
    }
    this.#listeners.set(name, listener)
    return listener
  }

  /** The port is free at once; connections that are there live on. */
  #close(name: string): void {
    this.#listeners.get(name)?.server.close()
    this.#listeners.delete(name)
  }
}

const keyOf = ({ address, port }: Destination) => `${address} ${port}`

/** Where it listens, or why it does not. */
function placeOf({ destination, isEnabled }: Virtual, isServed: boolean): Destination | string {
  if (!isEnabled) return 'disabled'
  if (!isServed) return 'served by another unit'
  const where = destination === null ? null : readDestination(destination)
  if (!where) return 'no destination of its own'
  if (!isLoopback(where.address)) return `${where.address} is not on the loopback`
  return where.port === 0 ? 'any port' : where
}

function show(listener: Listener, configuration: Configuration, virtual: Virtual): void {
  listener.front = frontOf(configuration, virtual, {
    former: listener.front,
    make: (options) => secureServer(options, listener.sessions, respond(virtual.fullPath))
  })
}

function respond(name: string) {
  return (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/plain', server: 'BigIP' }).end(`${name}\n`)
  }
}

function accept(listener: Listener, socket: Socket): void {
  listener.sockets.add(socket)
  socket.on('error', () => {})
  socket.on('close', () => listener.sockets.delete(socket))
  if (listener.front) greet(listener, socket)
  else listener.plain.emit('connection', socket)
}

/** Waits for the hello, and gives the connection to the profile that it names then. */
function greet(listener: Listener, socket: Socket): void {
  let heard = Buffer.alloc(0)
  const listen = (data: Buffer) => {
    heard = Buffer.concat([heard, data])
    const hello = reading(heard)
    if (hello === 'incomplete' && heard.length < largestHello) return
    socket.off('data', listen)
    socket.pause()
    const { front, plain } = listener
    const profile = front && profileFor(front, typeof hello === 'string' ? null : hello.serverName)
    socket.unshift(heard)
    if (front && !profile) socket.end(unrecognizedName)
    else (profile?.server ?? plain).emit('connection', socket)
  }
  socket.on('data', listen)
}

function reading(bytes: Buffer): HelloReading {
  try {
    return readHello(bytes)
  } catch {
    return 'other'
  }
}
