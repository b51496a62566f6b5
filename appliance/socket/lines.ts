import type { Socket } from 'node:net'
import { Type, type Static } from 'typebox'
import { Fault, faultCodes, type FaultCode, type FaultFacts } from '../../core/fault.ts'
import { parser } from '../../core/schema.ts'

/**
 * What a command and the running appliance say to each other over a socket of this machine: one JSON object a line.
 * Calls are told apart by `id`; what an argument cannot carry (an abort, functions that want to be called back) is
 * carried by lines of its own.
 */
const Line = Type.Union([
  /** command → appliance: call a function */
  Type.Object({ id: Type.Integer(), call: Type.String(), args: Type.Array(Type.Unknown()) }),
  /** command → appliance: it is not wanted any more */
  Type.Object({ id: Type.Integer(), abort: Type.Literal(true) }),
  /** command → appliance: so many items are used up, as many more may come */
  Type.Object({ id: Type.Integer(), more: Type.Integer({ minimum: 1, maximum: 1_000 }) }),
  /**
   * appliance → command: call back a function of an argument; `ask` numbers the questions of a call, null: no answer is
   * waited for
   */
  Type.Object({
    id: Type.Integer(),
    tell: Type.String(),
    ask: Type.Union([Type.Integer(), Type.Null()]),
    args: Type.Array(Type.Unknown())
  }),
  /** command → appliance: what that function gave */
  Type.Object({ id: Type.Integer(), answer: Type.Integer(), value: Type.Unknown() }),
  /** appliance → command: one of many */
  Type.Object({ id: Type.Integer(), item: Type.Unknown() }),
  /** appliance → command: the end of a call */
  Type.Object({ id: Type.Integer(), result: Type.Unknown() }),
  Type.Object({
    id: Type.Integer(),
    fault: Type.Object({ code: Type.String(), message: Type.String(), facts: Type.Unknown() })
  })
])

/** One line. */
export type Line = Static<typeof Line>

/** An argument that stands for something that JSON cannot hold. */
export type Marker = { readonly $signal: true } | { readonly $functions: readonly string[] }

const parse = parser(Line, 'socket-malformed')

/** Longest line that is written or read, UTF-16 units: lists of millions of targets fit, a flood does not. */
export const longestLine = 64 * 1024 * 1024

/** Items of a call that are on their way to a command at most: it says how many it has used up. */
export const mostItems = 512

/** A line as it is written. Throws socket-limit for one that nobody would read. */
export function encoded(line: Line): string {
  const text = JSON.stringify(line)
  if (text.length <= longestLine) return `${text}\n`
  const [size, most] = [text.length, longestLine].map((length) => Math.ceil(length / 1024 / 1024))
  const what = 'call' in line ? `what ${line.call} is given` : 'the answer'
  throw new Fault(
    'socket-limit',
    `${what} is ${size} MiB long, and tlsward run takes and gives ${most} MiB at a time: do it in several parts (fewer targets each), or stop tlsward run for this command`,
    { mebibytes: size ?? 0 }
  )
}

/** Calls back for each line that comes; a line that is none, or too long, ends the connection. */
export function readLines(socket: Socket, hear: (line: Line) => void): void {
  let pieces: string[] = []
  let length = 0
  const take = (text: string) => {
    const [first = '', ...others] = text.split('\n')
    pieces.push(first)
    length += first.length
    if (length > longestLine) throw new Fault('socket-malformed', 'a line is too long')
    for (const next of others) {
      const whole = pieces.join('')
      pieces = [next]
      length = next.length
      hear(parse(JSON.parse(whole)))
    }
  }
  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    if (socket.destroyed) return
    try {
      take(text)
    } catch (thrown) {
      socket.destroy(thrown instanceof Error ? thrown : new Error(String(thrown)))
    }
  })
}

/** A fault as a line carries it. */
export function faultLine(id: number, { code, message, facts }: Fault): Line {
  return { id, fault: { code, message, facts } }
}

/** The fault that a line carries. */
export function faultOfLine({
  code,
  message,
  facts
}: {
  code: string
  message: string
  facts: unknown
}): Fault {
  const known = Object.hasOwn(faultCodes, code) ? (code as FaultCode) : 'internal'
  return new Fault(known, message, facts as FaultFacts)
}
