import type { Clock } from '../../../core/clock.ts'
import type { Random } from '../../../core/random.ts'
import type { StartTls } from '../observation.ts'
import { Exchange, type AnswerReader, type ExchangeEnd } from '../probe/exchange.ts'
import type { Flight } from '../probe/flight.ts'
import { writeHello, type Hello, type HelloOffer } from '../probe/hello.ts'
import type { Dialer, Line } from '../probe/line.ts'
import type { DeepCost, DeepStop } from './report.ts'

/** What is probed. */
export interface DeepEndpoint {
  /** canonical text of an address */
  readonly address: string
  readonly port: number
  /** server name to send, or null for none */
  readonly name: string | null
  /** protocol that begins in the clear, or null for TLS at once */
  readonly starttls: StartTls | null
}

/** What one deep probe may take. */
export interface DeepBudget {
  readonly connections: number
  /** from its start to its end, milliseconds */
  readonly ms: number
  /** for a connection to stand */
  readonly connectMs: number
  /** for the answer to a hello, with the clear-text prelude where there is one */
  readonly answerMs: number
}

/** What a deep probe works with. */
export interface DeepTools {
  readonly dialer: Dialer
  readonly clock: Clock
  readonly random: Random
  readonly budget: DeepBudget
  /** resolves when the next connection to the endpoint may be made, and soon after the signal aborts */
  turn(): Promise<void>
}

/** The answer to one hello. */
export interface Answer {
  readonly flight: Flight | null
  readonly end: ExchangeEnd
}

/** How far an answer is read: to the ServerHello, to the certificate, or to the end of the server's flight. */
export type Reading = 'brief' | 'certificate' | 'whole'

/** Connections to one endpoint, one after the other, within the budget; each is counted. */
export class Talks {
  readonly endpoint: DeepEndpoint
  readonly tools: DeepTools
  readonly signal: AbortSignal
  /** why no more connections are made */
  stopped: DeepStop | null = null
  readonly #random: Uint8Array
  readonly #begunAt: number
  readonly #dialer: Dialer
  #connections = 0
  #sent = 0
  #received = 0

  constructor(endpoint: DeepEndpoint, tools: DeepTools, signal: AbortSignal) {
    this.endpoint = endpoint
    this.tools = tools
    this.signal = signal
    // nothing rests on the random of a hello whose handshake is never finished
    this.#random = tools.random.bytes(64)
    this.#begunAt = tools.clock.ticks()
    this.#dialer = this.#counting(tools.dialer)
  }

  /** Says one hello and reads the answer; null when no more connections are made. */
  ask(offer: HelloOffer, reading: Reading): Promise<Answer | null> {
    return this.#talk({ hello: writeHello(offer, this.#random), reading })
  }

  /** Says a hello of another protocol, whose answer the reader takes. */
  askBy(write: (random: Uint8Array) => Hello, reader: AnswerReader): Promise<Answer | null> {
    return this.#talk({ hello: write(this.#random), reading: 'brief', reader })
  }

  /** Waits for the turn and counts one connection; false when no more are made. */
  async begin(): Promise<boolean> {
    if (!this.#mayGoOn()) return false
    await this.tools.turn()
    if (!this.#mayGoOn()) return false
    this.#connections++
    return true
  }

  /** Counts bytes that went over a connection outside of `ask`. */
  count(sent: number, received: number): void {
    this.#sent += sent
    this.#received += received
  }

  /** Milliseconds that may still be used, `most` at most. */
  patience(most: number): number {
    const { budget, clock } = this.tools
    return Math.max(1, Math.min(most, budget.ms - (clock.ticks() - this.#begunAt)))
  }

  get cost(): DeepCost {
    return {
      connections: this.#connections,
      sentBytes: this.#sent,
      receivedBytes: this.#received,
      ms: Math.round(this.tools.clock.ticks() - this.#begunAt)
    }
  }

  #mayGoOn(): boolean {
    if (this.stopped !== null) return false
    const { budget, clock } = this.tools
    if (this.signal.aborted) this.stopped = 'aborted'
    else if (clock.ticks() - this.#begunAt >= budget.ms) this.stopped = 'time'
    else if (this.#connections >= budget.connections) this.stopped = 'connections'
    return this.stopped === null
  }

  async #talk(talk: Talk): Promise<Answer | null> {
    const first = await this.#connect(talk)
    if (!first || !unmade.has(first.end.kind)) return this.#heard(first)
    // a lost packet or a busy moment is no answer: once more before the endpoint is given up
    const second = await this.#connect(talk)
    if (second && unmade.has(second.end.kind))
      this.stopped = second.end.kind === 'local' ? 'local' : 'unreachable'
    return this.#heard(second)
  }

  #heard(answer: Answer | null): Answer | null {
    if (this.signal.aborted) this.stopped = 'aborted'
    if (answer?.end.kind === 'no-starttls') this.stopped = 'no-starttls'
    return this.stopped === null ? answer : null
  }

  async #connect({ hello, reading, reader }: Talk): Promise<Answer | null> {
    if (!(await this.begin())) return null
    const { address, port, starttls } = this.endpoint
    const { clock, budget } = this.tools
    const whole = reading === 'whole'
    const setup = {
      address,
      port,
      hello,
      starttls,
      whole,
      brief: reading === 'brief',
      ...(reader ? { reader } : {})
    }
    return new Promise((resolve) => {
      let cancel = () => {}
      const wait = (ms: number) => {
        cancel()
        cancel = clock.after(this.patience(ms), timeUp)
      }
      const exchange = new Exchange(setup, {
        exchangeOpened: () => wait(budget.answerMs),
        exchangeEnded: ({ flight, end }) => {
          cancel()
          this.signal.removeEventListener('abort', timeUp)
          resolve({ flight, end: end ?? { kind: 'silent' } })
        }
      })
      const timeUp = () => exchange.timeUp()
      this.signal.addEventListener('abort', timeUp, { once: true })
      wait(budget.connectMs)
      exchange.start(this.#dialer)
    })
  }

  #counting(dialer: Dialer): Dialer {
    return {
      kind: dialer.kind,
      dial: (address, port, handler) => {
        const line: Line = dialer.dial(address, port, {
          onOpen: () => handler.onOpen(),
          onBytes: (bytes) => {
            this.#received += bytes.length
            handler.onBytes(bytes)
          },
          onEnd: () => handler.onEnd(),
          onFail: (code) => handler.onFail(code)
        })
        return {
          send: (bytes) => {
            this.#sent += bytes.length
            line.send(bytes)
          },
          abort: () => line.abort()
        }
      }
    }
  }
}

interface Talk {
  readonly hello: Hello
  readonly reading: Reading
  readonly reader?: AnswerReader
}

/** ends of connections that never came about */
const unmade: ReadonlySet<ExchangeEnd['kind']> = new Set<ExchangeEnd['kind']>([
  'closed',
  'silent',
  'unreachable',
  'local'
])
