import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Clock } from '../../../core/clock.ts'
import { Fault } from '../../../core/fault.ts'
import { checkedToken, checkType, type Solver, wellKnownPath } from './solver.ts'

/** Where the listener listens, usually [::]:80. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** CAs ask from a few places at once; more is somebody else */
const maxConnections = 64
const maxTokens = 10_000
const requestMs = 10_000

/**
 * Answers http-01 by a listener of its own, which listens only while there is something to answer. The token alone
 * counts, not the Host: load balancers redirect here under other names. Nothing else is ever served. Faults:
 * listener-unavailable, challenge-unfit.
 */
export function httpListenerSolver(address: ListenAddress, clock: Clock): Solver {
  const answers = new Map<string, string>()
  let server: Server | null = null
  // starting and stopping wait for one another
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const done = turn.then(act, act)
    turn = done.catch(() => undefined)
    return done
  }
  return {
    type: 'http-01',
    present: (challenge) =>
      inTurn(async () => {
        checkType(challenge, 'http-01')
        const token = checkedToken(challenge)
        if (answers.size >= maxTokens) throw unavailable(address, `answers ${maxTokens} challenges already`)
        server ??= await listen(address, answers)
        answers.set(token, challenge.keyAuthorization)
        return { visibleAt: clock.now() }
      }),
    cleanup: ({ token }) =>
      inTurn(async () => {
        answers.delete(token)
        const idle = answers.size === 0 ? server : null
        if (!idle) return
        server = null
        await close(idle)
      })
  }
}

function listen(address: ListenAddress, answers: ReadonlyMap<string, string>): Promise<Server> {
  const { promise, resolve, reject } = Promise.withResolvers<Server>()
  const server = createServer(
    { maxHeaderSize: 8192, headersTimeout: requestMs, requestTimeout: requestMs, keepAliveTimeout: 1 },
    (request, response) => answer(request, response, answers)
  )
  server.maxConnections = maxConnections
  server.on('error', (error: NodeJS.ErrnoException) =>
    reject(unavailable(address, error.code ?? 'cannot listen', error))
  )
  server.listen({ ...address, exclusive: true }, () => resolve(server))
  return promise
}

function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  server.closeAllConnections()
  return promise
}

function answer(
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
  answers: ReadonlyMap<string, string>
): void {
  const [path = ''] = url.split('?')
  const body = path.startsWith(wellKnownPath) ? answers.get(path.slice(wellKnownPath.length)) : undefined
  const isRead = method === 'GET' || method === 'HEAD'
  const found = isRead && body !== undefined
  response.writeHead(found ? 200 : 404, {
    'content-type': 'application/octet-stream',
    'x-content-type-options': 'nosniff',
    connection: 'close'
  })
  response.end(found && method === 'GET' ? body : undefined)
}

function unavailable({ host, port }: ListenAddress, problem: string, cause?: unknown): Fault {
  return new Fault(
    'listener-unavailable',
    `The listener for challenges at ${host} port ${port}: ${problem}. Free the port, or set another one.`,
    { host, port },
    cause
  )
}
