import { getSystemErrorName } from 'node:util'
import type { Dialer, Line, LineHandler } from './line.ts'

// The members of Node's TCP handle that are used: what node:net itself is built on. They are not documented,
// so everything is checked when the dialer is opened, and net.Socket stands ready in its place.
interface Handle {
  onread: (() => void) | null
  connect(request: object, address: string, port: number): number
  connect6(request: object, address: string, port: number): number
  readStart(): number
  writeBuffer(request: object, bytes: Uint8Array): number
  useUserBuffer(buffer: Uint8Array): void
  reset(): number
  close(): void
}

interface Bindings {
  tcp: {
    TCP: new (type: number) => Handle
    TCPConnectWrap: new () => object
    constants: { SOCKET: number }
  }
  stream: {
    WriteWrap: new () => { oncomplete?: () => void; kept?: Uint8Array }
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
  const HandleLine = lineOn(bindings)

  class Connect extends bindings.tcp.TCPConnectWrap {
    oncomplete(status: number, line: InstanceType<typeof HandleLine>): void {
      if (line.state === 'gone') return
      if (status === 0) line.begin()
      else line.fail(status)
    }
  }

  return {
    kind: 'handle',
    dial(address, port, handler) {
      const line = new HandleLine(handler)
      const request = new Connect()
      const status = address.includes(':')
        ? line.connect6(request, address, port)
        : line.connect(request, address, port)
      if (status !== 0) queueMicrotask(() => line.fail(status))
      return line
    }
  }
}

/** The class of lines: line and handle are one object, callbacks stand on prototypes, as objects are what costs. */
function lineOn({ tcp, stream }: Bindings) {
  const { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } = stream
  // reading is synchronous: all connections of a thread can share one buffer
  const shared = new Uint8Array(65_536)
  // a request is bound to its write only when the kernel did not take all bytes at once
  let unbound = new WriteWrap()

  class HandleLine extends tcp.TCP implements Line {
    readonly handler: LineHandler
    state: 'connecting' | 'open' | 'gone' = 'connecting'

    constructor(handler: LineHandler) {
      super(tcp.constants.SOCKET)
      this.handler = handler
    }

    begin(): void {
      this.state = 'open'
      this.onread = onRead
      this.useUserBuffer(shared)
      this.readStart()
      this.handler.onOpen()
    }

    send(bytes: Uint8Array): void {
      if (this.state === 'gone') return
      const request = unbound
      const status = this.writeBuffer(request, bytes)
      if (streamBaseState[kLastWriteWasAsync] !== 0) {
        request.oncomplete = ignore
        request.kept = bytes
        unbound = new WriteWrap()
      }
      if (status !== 0) queueMicrotask(() => this.fail(status))
    }

    abort(): void {
      const { state } = this
      if (state === 'gone') return
      this.state = 'gone'
      // a reset needs a connection; a pending connect is just closed
      if (state === 'connecting' || this.reset() !== 0) this.close()
    }

    /** ends the line by an errno of libuv; end of file is the peer's FIN */
    fail(status: number): void {
      if (this.state === 'gone') return
      this.abort()
      const code = getSystemErrorName(status)
      if (code === 'EOF') this.handler.onEnd()
      else this.handler.onFail(code)
    }
  }

  function onRead(this: HandleLine) {
    const count = streamBaseState[kReadBytesOrError] ?? 0
    if (this.state === 'gone' || count === 0) return
    if (count > 0) this.handler.onBytes(shared.subarray(0, count))
    else this.fail(count)
  }

  return HandleLine
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
