import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, createServer as createFront, type Server as Front, type Socket } from 'node:net'
import type { Clock } from '../../../core/clock.ts'
import { Faults, type Mishap, refusalOf } from './faults.ts'
import { busyPage, garbage, halved, refusalReply, type Reply, timeOutPage } from './pages.ts'
import { Refusal } from './refusal.ts'
import { type LoggedRequest, redacted } from './request-log.ts'

/** A request as the rest of the unit sees it. */
export interface Arrived {
  readonly method: string
  /** with its query */
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly bytes: Buffer
  /** address of the client */
  readonly sender: string
}

/** What answers: the reply, and who was taken to be asking. */
export type Answering = (request: Arrived) => Promise<{ readonly reply: Reply; readonly user: string | null }>

/** What a management server is made with. */
export interface ManagementOptions {
  readonly host: string
  readonly port: number
  readonly cert: string
  readonly key: string
  readonly clock: Clock
  readonly answering: Answering
}

/** larger bodies break the connection off */
const largestBody = 16 * 1024 * 1024

/** The HTTPS side of a unit: requests in, replies out, the log of both, and the faults between them. */
export class Management {
  readonly faults = new Faults()
  readonly log: LoggedRequest[] = []
  /** takes connections, and gives them on unless the cable is cut */
  readonly #front: Front
  readonly #server: Server
  readonly #clock: Clock
  readonly #answering: Answering
  readonly #sockets = new Set<Socket>()
  #cable: 'whole' | 'cut' | 'silent' = 'whole'
  #count = 0

  private constructor({ cert, key, clock, answering }: ManagementOptions) {
    this.#clock = clock
    this.#answering = answering
    this.#server = createServer({ cert, key }, (request, response) => void this.#serve(request, response))
    this.#server.on('tlsClientError', () => {})
    this.#front = createFront((socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
      if (this.#cable === 'cut') socket.destroy()
      if (this.#cable === 'whole') this.#server.emit('connection', socket)
    })
  }

  static async start(options: ManagementOptions): Promise<Management> {
    const management = new Management(options)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    management.#front.on('error', reject)
    management.#front.listen({ host: options.host, port: options.port }, resolve)
    await promise
    return management
  }

  get port(): number {
    return (this.#front.address() as AddressInfo).port
  }

  /** connections that are open */
  get connections(): number {
    return this.#sockets.size
  }

  /** requests that came in */
  get count(): number {
    return this.#count
  }

  /** `cut`: connections break and none comes about. `silent`: they come about, and nothing is heard any more. */
  cut(how: 'cut' | 'silent' = 'cut'): void {
    this.#cable = how
    if (how === 'cut') this.hangUp()
  }

  mend(): void {
    // what was silent is dead to both sides
    if (this.#cable === 'silent') this.hangUp()
    this.#cable = 'whole'
  }

  /** Breaks every connection. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#front.close(resolve))
    this.hangUp()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const bytes = await bodyOf(request)
    if (this.#cable === 'silent') return
    if (!bytes || this.#cable === 'cut') return void request.socket.destroy()
    this.#count += 1
    const number = this.#count
    const { method = 'GET', url = '/', headers, socket } = request
    const arrived: Arrived = { method, url, headers, bytes, sender: socket.remoteAddress ?? '127.0.0.1' }
    const note = (status: number | null, user: string | null) => this.#note(arrived, { number, status, user })
    const mishap = this.faults.take(method, url.split('?')[0] ?? '')
    if (mishap?.does === 'drop-before') {
      note(null, null)
      return void socket.destroy()
    }
    const refused = await this.#before(mishap, { sender: arrived.sender, number })
    const { reply, user } = refused ? { reply: refused, user: null } : await this.#answering(arrived)
    const isHeard = await this.#after(mishap, reply, response)
    note(isHeard ? response.statusCode : null, user)
  }

  /** what happens instead of what was asked for */
  async #before(
    mishap: Mishap | null,
    { sender, number }: { readonly sender: string; readonly number: number }
  ): Promise<Reply | null> {
    if (mishap?.does === 'busy-page') return busyPage
    if (mishap?.does === 'meanwhile') await mishap.run()
    if (mishap?.does !== 'refuse') return null
    return refusalReply(refusalOf(mishap), { sender, operation: number, sent: '' })
  }

  /** Sends the reply, or what comes of it. Was there an answer? */
  async #after(mishap: Mishap | null, reply: Reply, response: ServerResponse): Promise<boolean> {
    // a response has no socket yet while the one before it is still on its way
    const { socket } = response.req
    switch (mishap?.does) {
      case 'drop-after':
        socket.destroy()
        return false
      case 'hang':
        return false
      case 'break-off':
        response.writeHead(reply.status, {
          ...reply.headers,
          'content-length': String(reply.body.length + 1)
        })
        response.write(halved(reply).body, () => socket.destroy())
        return false
      case 'delay': {
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#clock.after(mishap.ms, resolve)
        await promise
        break
      }
      default:
    }
    if (this.#cable === 'silent') return false
    if (this.#cable === 'cut' || socket.destroyed) {
      socket.destroy()
      return false
    }
    send(response, replaced(mishap, reply))
    return true
  }

  #note(
    { method, url, headers, bytes }: Arrived,
    { number, status, user }: Pick<LoggedRequest, 'number' | 'status' | 'user'>
  ): void {
    const transaction = headers['x-f5-rest-coordination-id']
    this.log.push({
      number,
      method,
      path: url,
      body: redacted(bytes.toString('latin1')),
      user,
      transaction: typeof transaction === 'string' ? transaction : null,
      status
    })
  }
}

function replaced(mishap: Mishap | null, reply: Reply): Reply {
  if (mishap?.does === 'time-out') return timeOutPage
  if (mishap?.does === 'garbage') return garbage
  return mishap?.does === 'truncated' ? halved(reply) : reply
}

function send(response: ServerResponse, { status, reason, headers, body }: Reply): void {
  const all = { ...headers, 'content-length': String(body.length) }
  if (reason === undefined) response.writeHead(status, all)
  else response.writeHead(status, reason, all)
  response.end(body)
}

async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      length += chunk.length
      if (length > largestBody) return null
    }
  } catch {
    return null
  }
  return Buffer.concat(chunks)
}

/** The reply to whatever was thrown: a refusal as it says, anything else as a bug of ours. */
export function replyTo(
  thrown: unknown,
  context: { readonly sender: string; readonly operation: number; readonly sent: string }
): Reply {
  if (thrown instanceof Refusal) return refusalReply(thrown, context)
  throw thrown
}
