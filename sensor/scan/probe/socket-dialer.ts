import net from 'node:net'
import type { Dialer, Line, LineHandler } from './line.ts'

/** The dialer on the documented net.Socket: works on every Node, at about two thirds of the handle's rate. */
export function openSocketDialer(): Dialer {
  // reading is synchronous: all connections of a thread can share one buffer
  const shared = new Uint8Array(65_536)
  return {
    kind: 'socket',
    dial: (address, port, handler) => new SocketLine({ address, port, handler, shared })
  }
}

interface SocketOptions {
  readonly address: string
  readonly port: number
  readonly handler: LineHandler
  readonly shared: Uint8Array
}

class SocketLine implements Line {
  readonly #socket: net.Socket
  #handler: LineHandler | null

  constructor({ address, port, handler, shared }: SocketOptions) {
    this.#handler = handler
    const onread: net.OnReadOpts = {
      buffer: shared,
      callback: (count) => {
        this.#handler?.onBytes(shared.subarray(0, count))
        return true
      }
    }
    // `onread` is an option of the constructor as well as of connect (node:net documents the latter only)
    this.#socket = net.connect({ host: address, port, onread, allowHalfOpen: true, autoSelectFamily: false })
    this.#socket.once('connect', () => this.#handler?.onOpen())
    this.#socket.once('end', () => this.#finish()?.onEnd())
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#finish()?.onFail(error.code ?? 'EIO')
    })
  }

  send(bytes: Uint8Array): void {
    if (this.#handler !== null) this.#socket.write(bytes)
  }

  abort(): void {
    this.#finish()
  }

  #finish(): LineHandler | null {
    const handler = this.#handler
    this.#handler = null
    if (handler === null) return null
    if (this.#socket.connecting) this.#socket.destroy()
    else this.#socket.resetAndDestroy()
    return handler
  }
}
