import { connect, type Socket } from 'node:net'
import { listen } from '../peer.ts'

/** A proxy in front of a port that can be cut like a cable. */
export interface CutProxy {
  readonly port: number
  /** connections made so far */
  readonly connections: () => number
  /** drops every connection at once, without a word to either side */
  cut(): void
  /** refuses new connections until mended */
  refuse(refusing: 'refuse' | 'mend'): void
  close(): Promise<void>
}

/** Starts it on a free port of the loopback, in front of a port of another host or of the loopback. */
export async function startCutProxy(target: number, host = '127.0.0.1'): Promise<CutProxy> {
  const open = new Set<Socket>()
  let count = 0
  let refusing = false
  const peer = await listen((client) => {
    if (refusing) {
      client.resetAndDestroy()
      return
    }
    count++
    const server = connect({ host, port: target })
    join(client, server, open)
    join(server, client, open)
  })
  return {
    port: peer.port,
    connections: () => count,
    cut() {
      for (const socket of open) socket.resetAndDestroy()
    },
    refuse(how) {
      refusing = how === 'refuse'
    },
    close: () => peer.close()
  }
}

function join(one: Socket, other: Socket, open: Set<Socket>): void {
  open.add(one)
  one.on('error', () => other.destroy())
  one.on('close', () => {
    open.delete(one)
    other.destroy()
  })
  one.pipe(other)
}
