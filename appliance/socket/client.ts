import { connect, type Socket } from 'node:net'
import { Fault } from '../../core/fault.ts'
import { faultOfLine, type Line, type Marker, readLines, writeLine } from './lines.ts'

/** How each function gives what it gives: at once (a promise), or one after the other. */
export type Manners<F> = { readonly [K in keyof F]: 'one' | 'many' }

/** What a call that is under way does with the lines that come for it. */
type Hear = (line: Line) => void

/**
 * The functions that a running appliance serves at `path`, each with the manner in which it gives; undefined when
 * nobody serves there. When the connection breaks, calls under way end with socket-lost. `close` is added: it ends
 * the connection.
 */
export async function connectFunctions<F extends object>(
  path: string,
  manners: Manners<F>
): Promise<(F & { close(): Promise<void> }) | undefined> {
  const socket = await opened(path)
  if (!socket) return undefined
  const calls = new Map<number, Hear>()
  let last = 0
  readLines(socket, (line) => calls.get(line.id)?.(line))
  socket.on('error', () => {})
  socket.on('close', () => {
    for (const [id, hear] of calls) hear({ id, fault: { ...lost(path), facts: {} } })
  })
  const begin = (name: string, args: readonly unknown[], hear: Hear): (() => void) => {
    const id = ++last
    const call = new OpenCall(socket, id, args)
    calls.set(id, (line) => {
      if ('tell' in line) {
        void call.tell(line)
        return
      }
      if (!('item' in line)) call.isOver = true
      hear(line)
    })
    if (socket.destroyed) queueMicrotask(() => hear({ id, fault: { ...lost(path), facts: {} } }))
    else void writeLine(socket, { id, call: name, args: [...call.markers] })
    return () => {
      calls.delete(id)
      call.end()
    }
  }
  const functions = Object.entries(manners).map(([name, manner]) => [
    name,
    manner === 'one'
      ? (...args: unknown[]) => one((hear) => begin(name, args, hear))
      : (...args: unknown[]) => many((hear) => begin(name, args, hear))
  ])
  const close = async () => void socket.destroy()
  return { ...(Object.fromEntries(functions) as F), close }
}

function lost(path: string): { code: string; message: string } {
  return { code: 'socket-lost', message: `${path}: the running tlsward ended, or closed the connection` }
}

/** no socket, no directory for one, nobody behind it, a path that none can have */
const nobodyThere: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ECONNREFUSED',
  'ENAMETOOLONG',
  'EINVAL'
])

function opened(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.on('connect', () => resolve(socket))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (nobodyThere.has(error.code ?? '')) return resolve(undefined)
      if (error.code !== 'EACCES') return reject(error)
      const message = `${path}: the running tlsward belongs to another account; use that account, or root`
      return reject(new Fault('state-unwritable', message, { path }, error))
    })
  })
}

type Callbacks = Readonly<Record<string, (...args: unknown[]) => unknown>>

/** The arguments of one call: what JSON cannot hold stays here and is reached by lines. */
class OpenCall {
  readonly markers: readonly unknown[]
  readonly #socket: Socket
  readonly #id: number
  readonly #functions: Callbacks
  readonly #signal: AbortSignal | undefined
  readonly #abort = () => void writeLine(this.#socket, { id: this.#id, abort: true })
  isOver = false

  constructor(socket: Socket, id: number, args: readonly unknown[]) {
    this.#socket = socket
    this.#id = id
    this.#signal = args.find((argument) => argument instanceof AbortSignal)
    this.#functions = Object.assign({}, ...args.filter(holdsFunctions)) as Callbacks
    this.markers = args.map(markerOf)
    this.#signal?.addEventListener('abort', this.#abort, { once: true })
    if (this.#signal?.aborted) queueMicrotask(this.#abort)
  }

  async tell({ tell, ask, args }: Extract<Line, { tell: string }>): Promise<void> {
    const value = await this.#functions[tell]?.(...args)
    await writeLine(this.#socket, { id: this.#id, answer: ask, value: value ?? null })
  }

  /** nobody listens any more: what is not over by then is aborted */
  end(): void {
    this.#signal?.removeEventListener('abort', this.#abort)
    if (!this.isOver) this.#abort()
  }
}

function holdsFunctions(argument: unknown): argument is Callbacks {
  if (typeof argument !== 'object' || argument === null) return false
  return Object.values(argument).some((value) => typeof value === 'function')
}

function markerOf(argument: unknown): unknown {
  if (argument instanceof AbortSignal) return { $signal: true } satisfies Marker
  if (!holdsFunctions(argument)) return argument ?? null
  const names = Object.keys(argument).filter((name) => typeof argument[name] === 'function')
  return { $functions: names } satisfies Marker
}

function one(begin: (hear: Hear) => () => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const end = begin((line) => {
      if ('result' in line) resolve(line.result)
      else if ('fault' in line) reject(faultOfLine(line.fault))
      else return
      end()
    })
  })
}

async function* many(begin: (hear: Hear) => () => void): AsyncGenerator {
  const waiting: Line[] = []
  let wake = () => {}
  const end = begin((line) => {
    waiting.push(line)
    wake()
  })
  try {
    for (;;) {
      const line = waiting.shift()
      if (!line) await new Promise<void>((resolve) => (wake = resolve))
      else if ('item' in line) yield line.item
      else if ('fault' in line) throw faultOfLine(line.fault)
      else return
    }
  } finally {
    end()
  }
}
