import type { Socket } from 'node:net'
import { asFault, Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { readArguments, type Caller } from './arguments.ts'
import { faultLine, type Line, mostItems, readLines } from './lines.ts'
import type { Service } from './server.ts'
import { LineWriter, type WriterBounds } from './writer.ts'

/** Calls under way of one connection at most: a command has one or two. */
const mostCalls = 64

/** A command that is connected, with its calls under way. */
export class Connection {
  readonly #socket: Socket
  readonly #service: Service
  readonly #writer: LineWriter
  readonly #calls = new Map<number, Call>()

  constructor(socket: Socket, service: Service & { readonly bounds: WriterBounds }) {
    this.#socket = socket
    this.#service = service
    this.#writer = new LineWriter(socket, service.clock, service.bounds)
    socket.on('error', () => {})
    socket.on('close', () => {
      for (const call of this.#calls.values()) call.abort()
    })
    readLines(socket, (line) => this.#hear(line))
    // who does not read what it asked for is heard no further
    socket.on('data', () => void this.#listenAgain())
  }

  async #listenAgain(): Promise<void> {
    if (!this.#writer.isBehind()) return
    this.#socket.pause()
    await this.#writer.caughtUp()
    this.#socket.resume()
  }

  /** Tells each call that this process ends, and aborts it; resolves when all have ended. */
  async end(): Promise<void> {
    const calls = [...this.#calls.values()]
    for (const call of calls) {
      call.over(faultLine(call.id, new Fault('socket-lost', 'tlsward run was ended meanwhile')))
      call.abort()
    }
    await Promise.all(calls.map(({ ended }) => ended))
  }

  /** Resolves when all that was said is on its way. */
  flushed(): Promise<void> {
    return this.#writer.flushed()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #hear(line: Line): void {
    const call = this.#calls.get(line.id)
    if ('abort' in line) call?.abort()
    else if ('more' in line) call?.mayGiveMore(line.more)
    else if ('answer' in line) call?.hearAnswer(line.answer, line.value)
    else if ('call' in line && !call) this.#begin(line)
  }

  #begin({ id, call: name, args }: Extract<Line, { call: string }>): void {
    if (this.#calls.size >= mostCalls) {
      const fault = new Fault('socket-malformed', `more than ${mostCalls} calls at once over one connection`)
      return this.#say(faultLine(id, fault))
    }
    const call = new Call(id, this.#writer)
    this.#calls.set(id, call)
    call.ended = this.#answer(call, name, args).finally(() => this.#calls.delete(id))
  }

  async #answer(call: Call, name: string, args: readonly unknown[]): Promise<void> {
    try {
      const given = this.#call(call, name, args)
      if (isMany(given)) {
        for await (const item of given) {
          if (call.signal.aborted || !(await call.give(item))) break
        }
        call.over({ id: call.id, result: null })
      } else call.over({ id: call.id, result: (await given) ?? null })
    } catch (thrown) {
      call.over(faultLine(call.id, asFault(thrown)))
    }
  }

  #call(call: Call, name: string, args: readonly unknown[]): unknown {
    const { functions, takings } = this.#service
    const method = Object.hasOwn(functions, name) ? functions[name] : undefined
    const taken = Object.hasOwn(takings, name) ? takings[name] : undefined
    if (!method || !taken) {
      throw new Fault('socket-malformed', `${visible(name, 60)}: there is no such function`)
    }
    return method(...(argumentsOf(name, () => readArguments(taken, args, call)) as never[]))
  }

  #say(line: Line): void {
    // what cannot be written because it is too long is told instead
    this.#writer.write(line).catch(() => {})
  }
}

/** A fault of the arguments names the function. */
function argumentsOf(name: string, read: () => unknown[]): unknown[] {
  try {
    return read()
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    throw new Fault(thrown.code, `${name}: ${thrown.message}`, { ...thrown.facts, function: name }, thrown)
  }
}

function isMany(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

/** A call under way. */
class Call implements Caller {
  readonly id: number
  ended: Promise<void> = Promise.resolve()
  readonly #writer: LineWriter
  readonly #aborting = new AbortController()
  /** those that wait for an answer */
  readonly #questions = new Map<number, (value: unknown) => void>()
  #asked = 0
  /** items that the peer has not used up yet */
  #onTheirWay = 0
  #goOn = () => {}
  #isOver = false

  constructor(id: number, writer: LineWriter) {
    this.id = id
    this.#writer = writer
  }

  get signal(): AbortSignal {
    return this.#aborting.signal
  }

  abort(): void {
    this.#aborting.abort()
    for (const resolve of this.#questions.values()) resolve(undefined)
    this.#questions.clear()
    this.#goOn()
  }

  async ask(name: string, args: readonly unknown[]): Promise<unknown> {
    if (this.signal.aborted || this.#isOver) return undefined
    const ask = ++this.#asked
    const answered = new Promise((resolve) => this.#questions.set(ask, resolve))
    await this.#writer.write({ id: this.id, tell: name, ask, args: [...args] })
    return answered
  }

  tell(name: string, args: readonly unknown[]): void {
    if (this.#isOver) return
    this.#writer
      .write({ id: this.id, tell: name, ask: null, args: [...args] })
      .catch((thrown: unknown) => this.over(faultLine(this.id, asFault(thrown))))
  }

  isBehind(): boolean {
    return this.#writer.isBehind()
  }

  hearAnswer(ask: number, value: unknown): void {
    this.#questions.get(ask)?.(value)
    this.#questions.delete(ask)
  }

  mayGiveMore(count: number): void {
    this.#onTheirWay = Math.max(0, this.#onTheirWay - count)
    this.#goOn()
  }

  /** Gives one of many, once there is room for it; false: nobody wants it. */
  async give(item: unknown): Promise<boolean> {
    while (this.#onTheirWay >= mostItems && !this.signal.aborted)
      await new Promise<void>((resolve) => (this.#goOn = resolve))
    if (this.signal.aborted || this.#isOver) return false
    this.#onTheirWay++
    await this.#writer.write({ id: this.id, item })
    return true
  }

  /** The last word, once. */
  over(line: Line): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#writer
      .write(line)
      // too long: that is said instead
      .catch((thrown: unknown) => this.#writer.write(faultLine(this.id, asFault(thrown))))
      .catch(() => {})
  }
}
