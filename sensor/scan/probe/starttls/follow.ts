import type net from 'node:net'
import { preludeLimit, type Prelude } from './prelude.ts'

/**
 * Has the clear-text talk before TLS on a socket that stands. A server that does not play along loses the connection,
 * or the time of the caller ends it.
 */
export function followPrelude(prelude: Prelude, socket: net.Socket, ready: () => void): void {
  let heard = 0
  const onData = (bytes: Buffer): void => {
    heard += bytes.length
    const step = prelude.feed(bytes)
    if (heard > preludeLimit || step.kind === 'alien' || step.kind === 'refused') return void socket.destroy()
    if (step.send) socket.write(step.send)
    if (step.kind !== 'tls') return undefined
    socket.off('data', onData)
    ready()
  }
  socket.on('data', onData)
  if (prelude.first) socket.write(prelude.first)
}
