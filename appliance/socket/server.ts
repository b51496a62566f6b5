import { chmodSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { asFault, Fault } from '../../core/fault.ts'
import { type Line, type Marker, faultLine, readLines, writeLine } from './lines.ts'

/** The functions that are served: each gives a promise, or many things one after the other. */
export type Served = Readonly<Record<string, (...args: never[]) => unknown>>

/** A socket that serves functions. */
export interface FunctionSocket {
  /** ends every connection; calls under way are aborted */
  close(): Promise<void>
}

/**
 * Serves the functions to commands of the same user: the socket is closed to others, in a directory that is too.
 * Throws socket-taken when another process serves there.
 */
export async function serveFunctions(path: string, functions: Served): Promise<FunctionSocket> {
  if (await answers(path)) {
    const message = `${path}: another tlsward run serves this state directory; end it first, or use another --state`
    throw new Fault('socket-taken', message, { path })
  }
  rmSync(path, { force: true })
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    serveConnection(socket, functions)
    socket.on('close', () => open.delete(socket))
  })
  await listening(server, path)
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      })
  }
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
    const socket = connect(path)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** A call under way. */
interface Call {
  readonly abort: AbortController
  asked: number
  /** those that wait for an answer */
  readonly questions: Map<number, (value: unknown) => void>
}

function serveConnection(socket: Socket, functions: Served): void {
  const calls = new Map<number, Call>()
  socket.on('error', () => {})
  socket.on('close', () => {
    for (const call of calls.values()) {
      call.abort.abort()
      for (const resolve of call.questions.values()) resolve(undefined)
    }
  })
  readLines(socket, (line) => {
    const call = calls.get(line.id)
    if ('abort' in line) {
      call?.abort.abort()
    } else if ('answer' in line) {
      call?.questions.get(line.answer)?.(line.value)
      call?.questions.delete(line.answer)
    } else if ('call' in line && !call) {
      const begun: Call = { abort: new AbortController(), asked: 0, questions: new Map() }
      calls.set(line.id, begun)
      void answer(socket, functions, { line, call: begun }).finally(() => calls.delete(line.id))
    }
  })
}

interface Asked {
  readonly line: Extract<Line, { call: string }>
  readonly call: Call
}

async function answer(socket: Socket, functions: Served, { line, call }: Asked): Promise<void> {
  const { id } = line
  try {
    const method = Object.hasOwn(functions, line.call) ? functions[line.call] : undefined
    if (!method) throw new Fault('socket-malformed', `${line.call}: there is no such function`)
    const args = line.args.map((argument) => argumentOf(socket, { id, call }, argument))
    const given = method(...(args as never[]))
    if (isMany(given)) {
      for await (const item of given) {
        if (call.abort.signal.aborted) break
        await writeLine(socket, { id, item })
      }
      await writeLine(socket, { id, result: null })
    } else await writeLine(socket, { id, result: (await given) ?? null })
  } catch (thrown) {
    await writeLine(socket, faultLine(id, asFault(thrown)))
  }
}

function isMany(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

interface CallPlace {
  readonly id: number
  readonly call: Call
}

function argumentOf(socket: Socket, { id, call }: CallPlace, argument: unknown): unknown {
  if (!isMarker(argument)) return argument
  if ('$signal' in argument) return call.abort.signal
  const entries = argument.$functions.map((name) => [
    name,
    async (...args: unknown[]) => {
      const ask = ++call.asked
      const answered = new Promise((resolve) => call.questions.set(ask, resolve))
      if (socket.destroyed) return undefined
      await writeLine(socket, { id, tell: name, ask, args })
      return answered
    }
  ])
  return Object.fromEntries(entries) as unknown
}

function isMarker(argument: unknown): argument is Marker {
  return (
    typeof argument === 'object' && argument !== null && ('$signal' in argument || '$functions' in argument)
  )
}
