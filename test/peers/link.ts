import type { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import { type ClientHello, readHello } from './client-hello.ts'
import { type Peer, type Where, listen } from './peer.ts'

/** The client has gone, or sent what the script does not foresee: the script of the server ends here. */
class LinkEnded extends Error {
  override readonly name = 'LinkEnded'
}

/** One connection, for a server that is written as a script. */
export interface Link {
  readonly socket: Socket
  /** number of this connection at its server, from 1 */
  readonly turn: number
  /** the next ClientHello; anything else ends the connection */
  hello(): Promise<ClientHello>
  /** everything up to and including the first `end` from now on */
  until(end: string): Promise<string>
  /** the next byte, which stays to be read */
  peek(): Promise<number>
  /** exactly so many bytes */
  bytes(count: number): Promise<Buffer>
  /** the next bytes, as many as there are */
  some(): Promise<Buffer>
  /** gives back what was read too much, before the socket goes to somebody else */
  release(): void
  /** writes, and waits until the socket wants more */
  write(bytes: Uint8Array | string): Promise<void>
  /** waits so many milliseconds; 0: one turn of the event loop */
  pause(ms: number): Promise<void>
  /** closes by FIN */
  end(): void
  /** closes by RST */
  reset(): void
  /** resolves when the client has gone */
  gone(): Promise<void>
}

/** Starts a server that follows the script on each connection, and leaves it open when the script ends. */
export function serveScript(script: (link: Link) => Promise<void> | void, where?: Where): Promise<Peer> {
  let turns = 0
  return listen((socket) => void follow(script, openLink(socket, ++turns)), where)
}

async function follow(script: (link: Link) => Promise<void> | void, link: Link): Promise<void> {
  try {
    await script(link)
  } catch (error) {
    // whatever the client did, its connection is over; a mistake in a script must be seen
    link.socket.destroy()
    if (!(error instanceof LinkEnded)) throw error
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done)
      resolve()
    }
    socket.on('drain', done).on('close', done)
  })
}

function openLink(socket: Socket, turn: number): Link {
  let received = Buffer.alloc(0)
  let wake = () => {}
  const collect = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    wake()
  }
  socket.on('data', collect)
  for (const event of ['end', 'close']) socket.on(event, () => wake())
  const over = () => socket.destroyed || socket.readableEnded

  /** waits until the reading gives a value */
  const read = async <T>(reading: () => T | undefined): Promise<T> => {
    for (;;) {
      const value = reading()
      if (value !== undefined) return value
      if (over()) throw new LinkEnded('the client has gone')
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  const take = (count: number) => {
    const taken = received.subarray(0, count)
    received = received.subarray(count)
    return taken
  }
  const takeHello = () => {
    const hello = readHello(received)
    if (hello === 'incomplete') return undefined
    if (hello === 'other') throw new LinkEnded('no hello')
    received = Buffer.alloc(0)
    return hello
  }
  return {
    socket,
    turn,
    hello: () => read(takeHello),
    until: (end) =>
      read(() => {
        const at = received.indexOf(end, 0, 'latin1')
        return at < 0 ? undefined : take(at + end.length).toString('latin1')
      }),
    peek: () => read(() => received[0]),
    bytes: (count) => read(() => (received.length < count ? undefined : take(count))),
    some: () => read(() => (received.length === 0 ? undefined : take(received.length))),
    release() {
      socket.off('data', collect)
      socket.pause()
      if (received.length > 0) socket.unshift(received)
    },
    async write(bytes) {
      if (socket.destroyed || !socket.writable) throw new LinkEnded('the client has gone')
      if (!socket.write(bytes)) await drained(socket)
    },
    async pause(ms) {
      await (ms === 0 ? nextTurn() : pause(ms))
      if (over()) throw new LinkEnded('the client has gone')
    },
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    async gone() {
      if (!over()) await read(() => (over() ? true : undefined))
    }
  }
}
