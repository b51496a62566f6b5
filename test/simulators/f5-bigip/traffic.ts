import {
  createServer as createPlain,
  type IncomingMessage,
  type Server as PlainServer,
  type ServerResponse
} from 'node:http'
import { createServer as createSecure, type Server as SecureServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Configuration, Virtual } from './configuration.ts'
import { type Destination, isLoopback, readDestination } from './destination.ts'
import { type Front, frontOf, type SniProfile } from './tls-front.ts'

/** A virtual server that listens. */
interface Listener {
  readonly where: string
  readonly isSecure: boolean
  readonly server: PlainServer | SecureServer
  readonly sockets: Set<Socket>
  /** what it shows now; null: plain HTTP */
  front: Front | null
}

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
    for (const name of this.#listeners.keys()) await this.#close(name, true)
  }

  async #settled(configuration: Configuration): Promise<void> {
    this.unserved.clear()
    const wanted = new Map<string, { where: Destination; front: Front | null }>()
    for (const virtual of Object.values(configuration.virtuals)) {
      const place = placeOf(virtual, this.#isServed(virtual))
      if (typeof place === 'string') this.unserved.set(virtual.fullPath, place)
      else wanted.set(virtual.fullPath, { where: place, front: frontOf(configuration, virtual) })
    }
    for (const [name, { where, isSecure }] of this.#listeners) {
      const next = wanted.get(name)
      if (!next || keyOf(next.where) !== where || (next.front !== null) !== isSecure) await this.#close(name)
    }
    for (const [name, { where, front }] of wanted) {
      const listener = this.#listeners.get(name)
      if (listener) update(listener, front)
      else await this.#open(name, where, front)
    }
  }

  async #open(name: string, where: Destination, front: Front | null): Promise<void> {
    const listener = front ? secure(name, where, front) : plain(name, where)
    const { promise, resolve } = Promise.withResolvers<string | null>()
    listener.server.on('error', (error) => resolve(error.message))
    listener.server.on('connection', (socket: Socket) => {
      listener.sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => listener.sockets.delete(socket))
    })
    listener.server.listen({ host: where.address, port: where.port }, () => resolve(null))
    const wrong = await promise
    if (wrong !== null) return void this.unserved.set(name, wrong)
    this.#listeners.set(name, listener)
  }

  /** Connections that are there live on, unless the unit itself stops. */
  async #close(name: string, breaks = false): Promise<void> {
    const listener = this.#listeners.get(name)
    if (!listener) return
    this.#listeners.delete(name)
    const closed = new Promise((resolve) => listener.server.close(resolve))
    // an idle connection of HTTP is none that somebody uses
    if (breaks) for (const socket of listener.sockets) socket.destroy()
    // the port is free at once; waiting for the last connection could take for ever
    if (breaks) await closed
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

function respond(name: string) {
  return (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/plain', server: 'BigIP' }).end(`${name}\n`)
  }
}

function plain(name: string, where: Destination): Listener {
  const server = createPlain(respond(name))
  return { where: keyOf(where), isSecure: false, server, sockets: new Set(), front: null }
}

function secure(name: string, where: Destination, front: Front): Listener {
  const sessions = new Map<string, Buffer>()
  const listener: Listener = {
    where: keyOf(where),
    isSecure: true,
    sockets: new Set(),
    front,
    server: createSecure(
      {
        ...front.base.options,
        SNICallback(asked, done) {
          const chosen = listener.front ? chosenOf(listener.front, asked) : null
          if (chosen) done(null, chosen.context)
          else done(new Error('no profile for this name'))
        }
      },
      respond(name)
    )
  }
  const { server } = listener
  server.on('tlsClientError', () => {})
  // TLS 1.2 sessions live on over a change of certificates, as in the device's cache
  server.on('newSession', (id: Buffer, data: Buffer, done: () => void) => {
    sessions.set(id.toString('hex'), data)
    done()
  })
  server.on('resumeSession', (id: Buffer, done: (error: Error | null, data: Buffer | null) => void) =>
    done(null, sessions.get(id.toString('hex')) ?? null)
  )
  return listener
}

function chosenOf({ base, profiles }: Front, asked: string): SniProfile | null {
  const name = asked.toLowerCase()
  const wildcard = `*.${name.split('.').slice(1).join('.')}`
  const exact = profiles.find(({ names }) => names.includes(name))
  const found = exact ?? profiles.find(({ names }) => names.includes(wildcard))
  return found ?? (base.requiresName ? null : base)
}

function update(listener: Listener, front: Front | null): void {
  listener.front = front
  if (front && 'setSecureContext' in listener.server) listener.server.setSecureContext(front.base.options)
}
