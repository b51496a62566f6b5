import { type Socket, createSocket } from 'node:dgram'

/** What a socket hears that is not for the protocol above it. */
export interface SocketWatch {
  /** is this message to be read at all? */
  readonly accepts: (message: Uint8Array) => boolean
  /** the network refused, or what came could not be read */
  readonly failed: (error: unknown) => void
}

type Message = (message: Buffer) => void

/**
 * A module like node:dgram, as net-snmp takes one, whose sockets are connected: the kernel drops what others than
 * the one address and port send, and reports at once that nothing listens there. What the reader of messages throws
 * ends the question instead of the process.
 */
export function connectedSockets({ accepts, failed }: SocketWatch) {
  return {
    createSocket(type: 'udp4' | 'udp6') {
      const socket = createSocket(type)
      let isConnected = false
      socket.on('error', failed)
      return {
        ref: () => socket.ref(),
        unref: () => socket.unref(),
        close: () => void socket.close(),
        on(event: string, listener: (...args: unknown[]) => void): void {
          if (event === 'message') socket.on('message', guarded(listener, { accepts, failed }))
          else if (event !== 'error') socket.on(event, listener)
        },
        // as net-snmp calls it: the whole buffer, always to the same place
        send(...[buffer, , , port, address, done]: SendArguments): void {
          const send = () => sendNow(socket, buffer, done)
          if (isConnected) return send()
          socket.connect(port, address, (error?: Error) => {
            isConnected = !error
            if (error) done(error)
            else send()
          })
        }
      }
    }
  }
}

type SendArguments = [
  buffer: Buffer,
  offset: number,
  length: number,
  port: number,
  address: string,
  done: (error: Error | null) => void
]

function sendNow(socket: Socket, buffer: Buffer, done: (error: Error | null) => void): void {
  try {
    socket.send(buffer, (error) => done(error))
  } catch (error) {
    // closed meanwhile
    done(error as Error)
  }
}

function guarded(read: Message, { accepts, failed }: SocketWatch): Message {
  return (message) => {
    if (!accepts(message)) return
    try {
      read(message)
    } catch (error) {
      failed(error)
    }
  }
}
