import { connect, createServer, type Socket } from 'node:net'
import { listenWith, type Peer, type Where } from './peer.ts'

/** A peer behind a door: while it is shut, connections are accepted and nothing answers. */
export interface Door extends Peer {
  /** who waits and who comes is let in */
  open(): void
  /** who comes has to wait */
  shut(): void
}

/** Puts a door before a peer, which is closed with it. */
export async function startDoor(peer: Peer, where?: Where): Promise<Door> {
  const waiting = new Set<Socket>()
  let isOpen = true
  const enter = (socket: Socket) => {
    const inner = connect({ host: peer.host, port: peer.port })
    inner.on('error', () => socket.destroy())
    inner.on('close', () => socket.destroy())
    socket.on('close', () => inner.destroy())
    socket.pipe(inner).pipe(socket)
  }
  const server = createServer((socket) => {
    socket.on('error', () => {})
    if (isOpen) return enter(socket)
    waiting.add(socket)
    socket.on('close', () => waiting.delete(socket))
    return undefined
  })
  const front = await listenWith(server, where)
  return {
    ...front,
    open() {
      isOpen = true
      for (const socket of waiting) enter(socket)
      waiting.clear()
    },
    shut() {
      isOpen = false
    },
    close: async () => {
      await front.close()
      await peer.close()
    }
  }
}
