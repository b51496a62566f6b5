import { once } from 'node:events'
import { type AddressInfo, type ListenOptions, type Server, type Socket, createServer } from 'node:net'

/** Where a peer listens: 127.0.0.1 and a free port unless told otherwise. */
export interface Where {
  readonly host?: string
  readonly port?: number
}

/** A server that is running. */
export interface Peer {
  readonly host: string
  readonly port: number
  /** what has been connected so far; null where another process serves */
  readonly connections: Connections | null
  /** stops listening and drops every connection; safe to call twice */
  readonly close: () => Promise<void>
}

/** One connection as the server saw it, times by `performance.now()`. */
export interface ConnectionTimes {
  /** the server's own address */
  readonly address: string
  readonly opened: number
  /** when the client was done (FIN or RST), or the server dropped it; null while it is open */
  closed: number | null
}

/** Who connected, and how many at once. */
export interface Connections {
  readonly total: number
  readonly now: number
  /** highest number at once, over all addresses of the server */
  readonly most: number
  /** highest number at once by address of the server (more than one when it listens on a wildcard) */
  readonly mostByAddress: ReadonlyMap<string, number>
  readonly times: readonly ConnectionTimes[]
}

/** A book of the connections of one server, or of several that share it. */
export function connectionBook(): Connections & { add(socket: Socket): void } {
  const times: ConnectionTimes[] = []
  const nowByAddress = new Map<string, number>()
  const mostByAddress = new Map<string, number>()
  const counts = { now: 0, most: 0 }
  const enter = (address: string) => {
    const here = (nowByAddress.get(address) ?? 0) + 1
    nowByAddress.set(address, here)
    mostByAddress.set(address, Math.max(here, mostByAddress.get(address) ?? 0))
    counts.most = Math.max(++counts.now, counts.most)
  }
  return {
    times,
    mostByAddress,
    get total() {
      return times.length
    },
    get now() {
      return counts.now
    },
    get most() {
      return counts.most
    },
    add(socket) {
      const address = socket.localAddress ?? ''
      const one: ConnectionTimes = { address, opened: performance.now(), closed: null }
      times.push(one)
      enter(address)
      // the end of the client's stream comes earlier than the close of the socket
      const leave = () => {
        if (one.closed !== null) return
        one.closed = performance.now()
        counts.now--
        nowByAddress.set(address, (nowByAddress.get(address) ?? 1) - 1)
      }
      for (const event of ['end', 'error', 'close']) socket.once(event, leave)
    }
  }
}

/** Listens with a handler for each connection. */
export function listen(serve: (socket: Socket) => void, where: Where = {}): Promise<Peer> {
  const server = createServer({ noDelay: true }, serve)
  return listenWith(server, where)
}

/** Puts a server (also a TLS one) on the network, counts its connections and makes it a peer. */
export async function listenWith(
  server: Server,
  { host = '127.0.0.1', port = 0 }: Where = {}
): Promise<Peer> {
  const connections = connectionBook()
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    connections.add(socket)
    open.add(socket)
    // a peer that resets is what these servers are for; nobody else may hear of it
    socket.on('error', () => open.delete(socket))
    socket.on('close', () => open.delete(socket))
  })
  const how: ListenOptions = { host, port, backlog: 1024 }
  server.listen(how)
  await once(server, 'listening')
  return {
    host,
    port: (server.address() as AddressInfo).port,
    connections,
    async close() {
      const closed = server.listening ? once(server, 'close') : undefined
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    }
  }
}
