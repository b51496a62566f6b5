import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { sleep, type Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import type { Argument } from './arguments.ts'
import { Connection } from './connection.ts'
import { writerBounds, type WriterBounds } from './writer.ts'

/** Functions to serve: each gives a promise, or many things one after the other. */
export type ServedFunctions = Readonly<Record<string, (...args: never[]) => unknown>>

/** What is served, and how. */
export interface Service {
  readonly functions: ServedFunctions
  /** what each function takes: a call whose arguments are otherwise does not reach it */
  readonly takings: Readonly<Record<string, readonly Argument[]>>
  readonly clock: Clock
  /** how patient it is with peers that do not read; left out: the usual bounds */
  readonly bounds?: WriterBounds
}

/** A socket that serves functions. */
export interface FunctionSocket {
  /** tells calls under way that it ends and aborts them, waits for them a little, and ends every connection */
  close(): Promise<void>
}

/** calls that are aborted are waited for so long, ms: what they store is stored then */
const endingMs = 10_000
/** and the peer may read for so long what it is told last */
const farewellMs = 1_000

/**
 * Serves the functions to commands of the same user: the socket is closed to others, in a directory that is too. Throws
 * socket-taken when another process serves there, socket-foreign when something else is in its place.
 */
export async function serveFunctions(path: string, service: Service): Promise<FunctionSocket> {
  if (await answers(path)) {
    const message = `${path}: another tlsward run serves this state directory; end it first, or use another --state`
    throw new Fault('socket-taken', message, { path })
  }
  clearAway(path)
  const open = new Set<Connection>()
  const patient = { bounds: writerBounds, ...service }
  const server = createServer((socket) => {
    const connection = new Connection(socket, patient)
    open.add(connection)
    socket.on('close', () => open.delete(connection))
  })
  await listening(server, path)
  return {
    async close() {
      const { clock } = service
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      const over = new AbortController()
      const ending = Promise.all([...open].map((one) => one.end()))
      await Promise.race([ending, sleep(clock, endingMs, over.signal)])
      const told = Promise.all([...open].map((one) => one.flushed()))
      await Promise.race([told, sleep(clock, farewellMs, over.signal)])
      over.abort()
      for (const connection of open) connection.destroy()
      await closed
    }
  }
}

/** What a process that died left behind. */
function clearAway(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found) return
  if (!found.isSocket()) {
    const message = `${path}: this is no socket, and stands where that of tlsward run belongs. Find out who put it there, and remove it.`
    throw new Fault('socket-foreign', message, { path })
  }
  rmSync(path, { force: true })
}

async function listening(server: Server, path: string): Promise<void> {
  // closed to others from the first moment: the mode of a new socket is cut by the mask
  const mask = process.umask(0o177)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(unfit(path, error)))
      server.listen(path, resolve)
    })
  } finally {
    process.umask(mask)
  }
  // later ones are of a connection that could not be accepted, for want of open files: it will be tried again
  server.on('error', () => {})
  chmodSync(path, 0o600)
}

function unfit(path: string, error: NodeJS.ErrnoException): Error {
  // Linux: unix(7), sun_path
  const why = error.code === 'EINVAL' ? 'a path of a socket has 107 bytes at most' : error.message
  const message = `${path}: no socket can be made there (${why}); use another --state`
  return new Fault('state-unwritable', message, { path }, error)
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket: Socket = connect(path)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
