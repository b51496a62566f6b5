import { createServer } from 'node:net'
import { randomInt } from 'node:crypto'

const taken = new Set<number>()

/**
 * A free port for a program that cannot choose one itself. It lies below the range that the system gives to
 * outgoing connections, so that none of those can take it meanwhile.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 32_000)
    if (taken.has(port) || !(await canListen(host, port))) continue
    taken.add(port)
    return port
  }
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.on('error', () => resolve(false))
    server.listen({ host, port }, () => server.close(() => resolve(true)))
  })
}
