import { connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** What came, and how it went on: closed by FIN, by RST, quiet with the connection open, or more and more. */
export interface Meeting {
  readonly bytes: Buffer
  readonly end: 'fin' | 'reset' | 'open' | 'endless'
  /** how many times something came, and how long the first of it took */
  readonly chunks: number
  readonly firstMs: number
}

/** Bounds of a meeting: so long without a byte, so long in all, so many bytes. */
export interface Patience {
  readonly quietMs?: number
  readonly wholeMs?: number
  readonly enough?: number
}

/** Connects through a bare socket, sends, and listens until the server ends or patience does. */
export function meet(port: number, send: Uint8Array | string, patience: Patience = {}): Promise<Meeting> {
  const { quietMs = 200, wholeMs = 5_000, enough = 120_000 } = patience
  const parts: Buffer[] = []
  let length = 0
  let firstMs = Infinity
  const start = performance.now()
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const over = (end: Meeting['end']) => {
      clearTimeout(quiet)
      clearTimeout(whole)
      socket.destroy()
      resolve({ bytes: Buffer.concat(parts), end, chunks: parts.length, firstMs })
    }
    const quiet = setTimeout(() => void stillQuiet(length), quietMs)
    // a busy process fires timers before it reads: what waits to be read comes within a few turns
    const stillQuiet = async (before: number) => {
      for (let turn = 0; turn < 10; turn++) await nextTurn()
      if (length === before) over('open')
    }
    const whole = setTimeout(() => over('open'), wholeMs)
    socket.on('connect', () => socket.write(send))
    socket.on('data', (chunk: Buffer) => {
      firstMs = Math.min(firstMs, performance.now() - start)
      parts.push(chunk)
      quiet.refresh()
      if ((length += chunk.length) > enough) over('endless')
    })
    socket.on('end', () => over('fin'))
    socket.on('error', () => over('reset'))
  })
}

/** A record: its length as written, and the bytes of it that are there. */
export interface RawRecord {
  readonly type: number
  readonly version: number
  readonly claimed: number
  readonly body: Buffer
}

/** The records at the start of the bytes. */
export function recordsOf(bytes: Buffer): RawRecord[] {
  const list: RawRecord[] = []
  for (let at = 0; at + 5 <= bytes.length;) {
    const claimed = bytes.readUInt16BE(at + 3)
    const body = bytes.subarray(at + 5, at + 5 + claimed)
    list.push({ type: bytes[at] ?? 0, version: bytes.readUInt16BE(at + 1), claimed, body })
    at += 5 + claimed
  }
  return list
}

/** The handshake messages in the clear, likewise. */
export function messagesOf(bytes: Buffer): Omit<RawRecord, 'version'>[] {
  const handshake = Buffer.concat(recordsOf(bytes).flatMap(({ type, body }) => (type === 22 ? [body] : [])))
  const list: Omit<RawRecord, 'version'>[] = []
  for (let at = 0; at + 4 <= handshake.length;) {
    const claimed = handshake.readUIntBE(at + 1, 3)
    list.push({ type: handshake[at] ?? 0, claimed, body: handshake.subarray(at + 4, at + 4 + claimed) })
    at += 4 + claimed
  }
  return list
}

/** What the first message, a ServerHello, says. */
export function serverHelloOf(bytes: Buffer): {
  version: number
  random: string
  suite: number
  compression: number
  extensions: ReadonlyMap<number, string>
} {
  const body = messagesOf(bytes)[0]?.body ?? Buffer.alloc(0)
  const after = 35 + (body[34] ?? 0)
  const extensions = new Map<number, string>()
  for (let at = after + 5; at + 4 <= body.length;) {
    const length = body.readUInt16BE(at + 2)
    extensions.set(body.readUInt16BE(at), body.subarray(at + 4, at + 4 + length).toString('hex'))
    at += 4 + length
  }
  return {
    version: body.readUInt16BE(0),
    random: body.subarray(2, 34).toString('hex'),
    suite: body.readUInt16BE(after),
    compression: body[after + 2] ?? 0,
    extensions
  }
}
