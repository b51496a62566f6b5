import { request, type ClientRequest } from 'node:http'
import { Agent, type RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { formatEndpoint } from '../../core/address.ts'
import { proxyAuthorization } from './sign.ts'
import type { CheckedSettings } from './settings.ts'

/** The proxy did not open the tunnel. */
export class TunnelRefused extends Error {
  override readonly name = 'TunnelRefused'
  readonly status: number

  constructor(proxy: string, status: number) {
    super(`the proxy ${proxy} answers ${status}`)
    this.status = status
  }
}

type Proxy = NonNullable<CheckedSettings['proxy']>
type Done = (error: Error | null, stream: Duplex) => void

/** What a request through a {@link TunnelAgent} says beside the options of Node, which keeps `signal` to itself. */
export interface TunnelOptions {
  /** ends the asking for a tunnel */
  readonly tunnelSignal: AbortSignal
}

/**
 * An agent whose connections go through an HTTP proxy. Node's own (`proxyEnv`) does not end a request that is
 * aborted while the proxy is silent.
 */
export class TunnelAgent extends Agent {
  readonly #proxy: Proxy

  constructor(proxy: Proxy, options: ConstructorParameters<typeof Agent>[0]) {
    super(options)
    this.#proxy = proxy
  }

  override createConnection(options: RequestOptions & Partial<TunnelOptions>, done?: Done): undefined {
    const call: Done = done ?? (() => {})
    const host = options.host ?? ''
    const fail = (error: Error) => call(error, undefined as never)
    const asking = this.#ask(formatEndpoint(host, Number(options.port) || 443), options.tunnelSignal)
    let isOver = false
    asking.on('error', (error) => {
      if (!isOver) fail(error)
    })
    asking.once('connect', ({ statusCode = 0 }, socket: Socket) => {
      isOver = true
      if (statusCode < 200 || statusCode > 299) {
        socket.destroy()
        return fail(new TunnelRefused(formatEndpoint(this.#proxy.host, this.#proxy.port), statusCode))
      }
      const { servername } = options as { servername?: string }
      // what the agent was made with (roots) is among the options
      call(null, connectTls({ ...options, socket, ...(servername ? { servername } : {}) } as never))
    })
    asking.end()
    return undefined
  }

  #ask(target: string, signal: AbortSignal | undefined): ClientRequest {
    const { host, port, settings } = this.#proxy
    const { user, password } = settings
    return request({
      host,
      port,
      method: 'CONNECT',
      path: target,
      agent: false,
      createConnection: () => connect({ host, port }),
      headers: {
        host: target,
        ...(user === undefined || password === undefined
          ? {}
          : { 'proxy-authorization': proxyAuthorization(user, password) })
      },
      ...(signal ? { signal } : {})
    })
  }
}
