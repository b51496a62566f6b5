import type { Refusal } from './refusal.ts'

/** What is sent back. */
export interface Reply {
  readonly status: number
  readonly reason?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

const jsonHeaders = { 'content-type': 'application/json; charset=UTF-8', server: 'Jetty(9.2.22.v20170606)' }
const htmlHeaders = { 'content-type': 'text/html; charset=iso-8859-1', server: 'Apache' }

/** 200 with JSON, or with nothing. */
export function jsonReply(body: object | null): Reply {
  return { status: 200, headers: jsonHeaders, body: Buffer.from(body === null ? '' : JSON.stringify(body)) }
}

/** A refusal in the form of the layer that says it. */
export function refusalReply(
  { status, message, layer, apiError, echoesBody }: Refusal,
  { sender, operation, sent }: { readonly sender: string; readonly operation: number; readonly sent: string }
): Reply {
  const body =
    layer === 'tmos'
      ? { code: status, message, errorStack: [], apiError }
      : {
          code: status,
          message,
          ...(echoesBody ? { originalRequestBody: sent } : {}),
          referer: sender,
          restOperationId: operation,
          kind: ':resterrorresponse'
        }
  const reason = status === 401 ? { reason: 'F5 Authorization Required' } : {}
  return { status, ...reason, headers: jsonHeaders, body: Buffer.from(JSON.stringify(body)) }
}

function page(title: string, text: string): Buffer {
  return Buffer.from(
    `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>${title}</title>\n</head><body>\n<h1>${title}</h1>\n<p>${text}</p>\n</body></html>\n`
  )
}

/** The web server itself asks for a password. */
export const unauthorizedPage: Reply = {
  status: 401,
  reason: 'F5 Authorization Required',
  headers: { ...htmlHeaders, 'www-authenticate': 'Basic realm="Enterprise Manager"' },
  body: page(
    '401 F5 Authorization Required',
    'This server could not verify that you are authorized to access the document requested. Either you supplied the wrong credentials (e.g., bad password), or your browser does not understand how to supply the credentials required.'
  )
}

/** The management daemons start anew. */
export const busyPage: Reply = {
  status: 503,
  headers: htmlHeaders,
  body: page('503 Service Unavailable', 'Configuration Utility restarting...')
}

/** The request was too much for the framework. */
export const timeOutPage: Reply = {
  status: 500,
  headers: htmlHeaders,
  body: page('500 Internal Server Error', 'AsyncContext timeout')
}

/** Bytes that mean nothing. */
export const garbage: Reply = {
  status: 200,
  headers: jsonHeaders,
  body: Buffer.from([0x7b, 0x00, 0xff, 0x1b, 0x5b, 0x33, 0x31, 0x6d, 0x22, 0x3a, 0x0a, 0x3c, 0x3e])
}

/** The first half of an answer. */
export function halved(reply: Reply): Reply {
  return { ...reply, body: reply.body.subarray(0, Math.floor(reply.body.length / 2)) }
}
