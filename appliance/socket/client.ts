import { connect, type Socket } from 'node:net'
import { systemClock, type Clock } from '../../core/clock.ts'
import { asFault, Fault } from '../../core/fault.ts'
import { faultLine, faultOfLine, type Line, type Marker, mostItems, readLines } from './lines.ts'
import { socketPlace } from './place.ts'
import { LineWriter, writerBounds } from './writer.ts'

/** How each function gives what it gives: at once (a promise), or one after the other. */
export type Manners<F> = { readonly [K in keyof F]: 'one' | 'many' }

/** What a call that is under way does with the lines that come for it. */
type Hear = (line: Line) => void

/** A call that was begun. */
interface Begun {
  /** so many items are used up */
  more(count: number): void
  /** nobody listens any more: what is not over by then is aborted */
  end(): void
}

type Begin = (hear: Hear) => Begun

/**
 * The functions that a running appliance serves at `path`, each with the manner in which it gives; undefined when
 * nobody serves there. Whose socket it is is known before anything is sent. When the connection breaks, calls under way
 * end with socket-lost. `close` is added: it ends the connection. Faults: socket-foreign, socket-silent,
 * state-unwritable.
 */
export async function connectFunctions<F extends object>(
  path: string,
  manners: Manners<F>,
  clock: Clock = systemClock
): Promise<(F & { close(): Promise<void> }) | undefined> {
  const socket = await opened(path)
  if (!socket) return undefined
  const line = new ClientLine(socket, path, clock)
  const functions = Object.entries(manners).map(([name, manner]) => [
    name,
    manner === 'one'
      ? (...args: unknown[]) => one((hear) => line.begin(name, args, hear))
      : (...args: unknown[]) => many((hear) => line.begin(name, args, hear))
  ])
  const close = async () => void socket.destroy()
  return { ...(Object.fromEntries(functions) as F), close }
}

/** nobody behind it any more */
const nobodyThere: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED', 'EINVAL'])

async function opened(path: string): Promise<Socket | undefined> {
  const place = socketPlace(path)
  if (!place) return undefined
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect(place.path)
      socket.on('connect', () => resolve(socket))
      socket.once('error', (error: NodeJS.ErrnoException) => {
        if (nobodyThere.has(error.code ?? '')) resolve(undefined)
        else reject(closedTo(path, error))
      })
    })
  } finally {
    place.close()
  }
}

function closedTo(path: string, error: NodeJS.ErrnoException): Fault {
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    const message = `${path}: this account may not use it; run the command as the account that runs tlsward (sudo -u ACCOUNT tlsward …)`
    return new Fault('state-unwritable', message, { path }, error)
  }
  const message = `${path}: tlsward run does not take the connection (${error.code ?? error.message}); repeat it in a moment`
  return new Fault('socket-silent', message, { path }, error)
}

/** The connection to a running appliance. */
class ClientLine {
  readonly #socket: Socket
  readonly #path: string
  readonly #writer: LineWriter
  readonly #calls = new Map<number, Hear>()
  #last = 0

  constructor(socket: Socket, path: string, clock: Clock) {
    this.#socket = socket
    this.#path = path
    this.#writer = new LineWriter(socket, clock, writerBounds)
    readLines(socket, (line) => this.#calls.get(line.id)?.(line))
    socket.on('error', () => {})
    socket.on('close', () => {
      for (const [id, hear] of this.#calls) hear(this.#lost(id))
    })
  }

  begin(name: string, args: readonly unknown[], hear: Hear): Begun {
    const id = ++this.#last
    const say = (line: Line) => this.#writer.write(line)
    const call = new OpenCall(id, args, say)
    const fail = (thrown: unknown) => {
      call.end()
      hear(faultLine(id, asFault(thrown)))
    }
    this.#calls.set(id, (line) => {
      if ('tell' in line) {
        call.tell(line).catch(fail)
        return
      }
      if (!('item' in line)) call.isOver = true
      hear(line)
    })
    if (this.#socket.destroyed) queueMicrotask(() => hear(this.#lost(id)))
    else say({ id, call: name, args: [...call.markers] }).catch(fail)
    return {
      more: (count) => void say({ id, more: count }),
      end: () => {
        this.#calls.delete(id)
        call.end()
      }
    }
  }

  #lost(id: number): Line {
    const message = `${this.#path}: tlsward run ended meanwhile, or closed the connection; what it had accepted is kept, and gone on with once it is up again`
    return faultLine(id, new Fault('socket-lost', message))
  }
}

type Callbacks = Readonly<Record<string, (...args: unknown[]) => unknown>>

/** The arguments of one call: what JSON cannot hold stays here and is reached by lines. */
class OpenCall {
  readonly markers: readonly unknown[]
  readonly #id: number
  readonly #say: (line: Line) => Promise<void>
  readonly #functions: Callbacks
  readonly #signal: AbortSignal | undefined
  readonly #abort = () => void this.#say({ id: this.#id, abort: true })
  isOver = false

  constructor(id: number, args: readonly unknown[], say: (line: Line) => Promise<void>) {
    this.#id = id
    this.#say = say
    this.#signal = args.find((argument) => argument instanceof AbortSignal)
    this.#functions = Object.assign({}, ...args.filter(holdsFunctions)) as Callbacks
    this.markers = args.map(markerOf)
    this.#signal?.addEventListener('abort', this.#abort, { once: true })
    if (this.#signal?.aborted) queueMicrotask(this.#abort)
  }

  /** Calls back, and answers where it was asked. Rejects as the function does. */
  async tell({ tell, ask, args }: Extract<Line, { tell: string }>): Promise<void> {
    const call = Object.hasOwn(this.#functions, tell) ? this.#functions[tell] : undefined
    const value = await call?.(...args)
    if (ask !== null) await this.#say({ id: this.#id, answer: ask, value: value ?? null })
  }

  end(): void {
    this.#signal?.removeEventListener('abort', this.#abort)
    if (!this.isOver) this.#abort()
    this.isOver = true
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

function one(begin: Begin): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const begun = begin((line) => {
      if ('result' in line) resolve(line.result)
      else if ('fault' in line) reject(faultOfLine(line.fault))
      else return
      begun.end()
    })
  })
}

async function* many(begin: Begin): AsyncGenerator {
  const waiting: Line[] = []
  let wake = () => {}
  let used = 0
  const begun = begin((line) => {
    waiting.push(line)
    wake()
  })
  try {
    for (;;) {
      const line = waiting.shift()
      if (!line) await new Promise<void>((resolve) => (wake = resolve))
      else if ('item' in line) {
        yield line.item
        if (++used % moreEach === 0) begun.more(moreEach)
      } else if ('fault' in line) throw faultOfLine(line.fault)
      else return
    }
  } finally {
    begun.end()
  }
}

/** items after which the appliance hears that there is room for as many */
const moreEach = mostItems / 4
