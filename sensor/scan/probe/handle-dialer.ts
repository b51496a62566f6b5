import { getSystemErrorName } from 'node:util'
import type { Dialer, Line, LineHandler } from './line.ts'

// The members of Node's TCP handle that are used: what node:net itself is built on. They are not documented,
// so everything is checked when the dialer is opened, and net.Socket stands ready in its place.
interface Handle {
  line: HandleLine | null
  onread: (() => void) | null
  connect(request: object, address: string, port: number): number
  connect6(request: object, address: string, port: number): number
  readStart(): number
  writeBuffer(request: object, bytes: Uint8Array): number
  useUserBuffer(buffer: Uint8Array): void
  reset(done: () => void): number
  close(): void
}

interface Bindings {
  tcp: {
    TCP: new (type: number) => Handle
    TCPConnectWrap: new () => { oncomplete: (status: number, handle: Handle) => void }
    constants: { SOCKET: number }
  }
  stream: {
    WriteWrap: new () => { oncomplete: () => void; kept?: Uint8Array }
    kReadBytesOrError: number
    kLastWriteWasAsync: number
    streamBaseState: Int32Array
  }
}

/**
 * The dialer on Node's low-level TCP handle, about 1.5 times the rate of net.Socket; undefined where this
 * Node does not offer it (another version, --permission).
 */
export function openHandleDialer(): Dialer | undefined {
  const bindings = readBindings()
  if (!bindings) return undefined
  const { TCP, TCPConnectWrap, constants } = bindings.tcp
  const { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } = bindings.stream
  // reading is synchronous: all connections of a thread can share one buffer
  const shared = new Uint8Array(65_536)

  function onRead(this: Handle) {
    const count = streamBaseState[kReadBytesOrError] ?? 0
    const line = this.line
    if (line === null || count === 0) return
    if (count > 0) line.handler.onBytes(shared.subarray(0, count))
    else line.fail(count)
  }

  function onConnect(status: number, handle: Handle) {
    const line = handle.line
    if (line === null) return
    if (status !== 0) return line.fail(status)
    handle.onread = onRead
    handle.useUserBuffer(shared)
    handle.readStart()
    line.open = true
    line.handler.onOpen()
  }

  // a request is bound to its write only when the kernel did not take all bytes at once
  let unbound = new WriteWrap()

  function write(handle: Handle, bytes: Uint8Array): number {
    const request = unbound
    const status = handle.writeBuffer(request, bytes)
    if (streamBaseState[kLastWriteWasAsync] === 0) return status
    request.oncomplete = ignore
    request.kept = bytes
    unbound = new WriteWrap()
    return status
  }

  return {
    kind: 'handle',
    dial(address, port, handler) {
      const handle = new TCP(constants.SOCKET)
      const line = new HandleLine(handle, handler, write)
      const request = new TCPConnectWrap()
      request.oncomplete = onConnect
      const status = address.includes(':')
        ? handle.connect6(request, address, port)
        : handle.connect(request, address, port)
      if (status !== 0) queueMicrotask(() => line.fail(status))
      return line
    }
  }
}

class HandleLine implements Line {
  readonly handler: LineHandler
  readonly #write: (handle: Handle, bytes: Uint8Array) => number
  #handle: Handle | null
  open = false

  constructor(handle: Handle, handler: LineHandler, write: (handle: Handle, bytes: Uint8Array) => number) {
    this.handler = handler
    this.#handle = handle
    this.#write = write
    handle.line = this
  }

  send(bytes: Uint8Array): void {
    if (this.#handle === null) return
    const status = this.#write(this.#handle, bytes)
    if (status !== 0) queueMicrotask(() => this.fail(status))
  }

  abort(): void {
    const handle = this.#handle
    if (handle === null) return
    this.#handle = null
    handle.line = null
    // a reset needs a connection; a pending connect is just closed
    if (!this.open || handle.reset(ignore) !== 0) handle.close()
  }

  /** ends the line by an errno of libuv; end of file is the peer's FIN */
  fail(status: number): void {
    if (this.#handle === null) return
    this.abort()
    const code = getSystemErrorName(status)
    if (code === 'EOF') this.handler.onEnd()
    else this.handler.onFail(code)
  }
}

function ignore() {}

function readBindings(): Bindings | undefined {
  try {
    const { binding } = process as unknown as { binding?: (name: string) => unknown }
    if (binding === undefined) return undefined
    const tcp = binding('tcp_wrap') as Bindings['tcp']
    const stream = binding('stream_wrap') as Bindings['stream']
    const members = ['connect', 'connect6', 'readStart', 'writeBuffer', 'useUserBuffer', 'reset', 'close']
    const whole =
      members.every((name) => name in tcp.TCP.prototype) &&
      typeof tcp.TCPConnectWrap === 'function' &&
      typeof stream.WriteWrap === 'function' &&
      typeof stream.kReadBytesOrError === 'number' &&
      typeof stream.kLastWriteWasAsync === 'number' &&
      stream.streamBaseState instanceof Int32Array
    return whole ? { tcp, stream } : undefined
  } catch {
    return undefined
  }
}
