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
  /** appliance → command: call back a function of an argument; `ask` numbers the questions of a call */
  Type.Object({
    id: Type.Integer(),
    tell: Type.String(),
    ask: Type.Integer(),
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

/** Longest line that is read, characters: a certificate bundle fits, a flood does not. */
const longest = 16 * 1024 * 1024

/** Calls back for each line that comes; a line that is none ends the connection. */
export function readLines(socket: Socket, hear: (line: Line) => void): void {
  let rest = ''
  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    try {
      if (rest.length > longest) throw new Fault('socket-malformed', 'a line is too long')
      for (const part of parts) hear(parse(JSON.parse(part)))
    } catch (thrown) {
      socket.destroy(thrown instanceof Error ? thrown : new Error(String(thrown)))
    }
  })
}

/** Writes a line; resolves once the socket wants more. */
export async function writeLine(socket: Socket, line: Line): Promise<void> {
  if (socket.destroyed) return
  if (socket.write(`${JSON.stringify(line)}\n`)) return
  await new Promise<void>((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done)
      resolve()
    }
    socket.on('drain', done).on('close', done)
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
