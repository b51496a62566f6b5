import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { type Certificate, pemOf } from './certificates.ts'
import { type Peer, listenWith } from './peer.ts'

/** What the server keeps and whom it believes. */
export interface KvOptions {
  readonly certificate: Certificate
  /** tokens with the paths below /v1/ that each may read */
  readonly tokens: Readonly<Record<string, readonly string[]>>
  /** `mount/data/path` to the fields of the secret; null for one whose present version was deleted */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, unknown>> | null>>
}

/** A server that answers like KV version 2 of HashiCorp Vault, as far as reading goes. */
export interface KvServer extends Peer {
  /** requests so far, `METHOD /path` */
  readonly requests: readonly string[]
  /** has every request answered so from now on, whatever it asks; null for the usual */
  answer(status: number | null, body?: string, headers?: Readonly<Record<string, string>>): void
}

/**
 * Starts it on the loopback. Answers as documented (developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2): 403 for
 * a token that it does not know or that may not read the path, 404 for what is not there or was deleted.
 */
export async function startKvServer({ certificate, tokens, secrets }: KvOptions): Promise<KvServer> {
  const requests: string[] = []
  let fixed: { status: number; body: string; headers: Readonly<Record<string, string>> } | null = null
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    requests.push(`${request.method} ${request.url}`)
    const reply = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    }
    if (fixed) {
      response.writeHead(fixed.status, fixed.headers)
      return void response.end(fixed.body)
    }
    const path = (request.url ?? '').replace(/^\/v1\//, '')
    const token = request.headers['x-vault-token']
    const allowed = typeof token === 'string' && Object.hasOwn(tokens, token) ? tokens[token] : undefined
    if (request.method !== 'GET' || !allowed?.includes(path))
      return reply(403, { errors: ['permission denied'] })
    if (!Object.hasOwn(secrets, path)) return reply(404, { errors: [] })
    const data = secrets[path]
    const metadata = { version: 3, destroyed: false, deletion_time: data ? '' : '2026-11-01T00:00:00Z' }
    return reply(data ? 200 : 404, { request_id: 'f00', lease_id: '', data: { data, metadata } })
  }
  const server = createServer({ key: certificate.keyPem, cert: pemOf(certificate.chain) }, serve)
  const peer = await listenWith(server)
  return {
    ...peer,
    requests,
    answer(status, body = '', headers = {}) {
      fixed = status === null ? null : { status, body, headers }
    }
  }
}
