import { type Account, mayUse } from './accounts.ts'
import { isObject, type JsonObject } from './json.ts'
import { type Answering, type Arrived, replyTo } from './management.ts'
import { segmentsOf } from './names.ts'
import { jsonReply, type Reply, unauthorizedPage } from './pages.ts'
import { framework, Refusal, unknownPath } from './refusal.ts'
import { answerTm, type TmWorld } from './tm.ts'
import type { Tokens } from './tokens.ts'
import type { Uploads } from './uploads.ts'

/** The parts of a unit that answer over REST. */
export interface RestWorld extends TmWorld {
  readonly tokens: Tokens
  readonly uploads: Uploads
}

interface Answered {
  readonly reply: Reply
  readonly user: string | null
}

/** The whole of /mgmt: who asks, whether they may, and who answers. */
export function restOf(world: RestWorld): Answering {
  let operation = 7_000_000
  return async (request) => {
    operation += 1
    const context = { sender: request.sender, operation, sent: request.bytes.toString('latin1') }
    let user: string | null = null
    try {
      const [path = ''] = request.url.split('?')
      const segments = segmentsOf(path)
      if (segments[0] !== 'mgmt') return { reply: notRest(path), user }
      if (segments.slice(1).join('/') === 'shared/authn/login') return { reply: signIn(world, request), user }
      const caller = callerOf(world, request)
      if (!caller) return { reply: unauthorizedPage, user }
      user = caller.name
      return { reply: await answered(world, request, { path, segments, caller }), user }
    } catch (thrown) {
      return { reply: replyTo(thrown, context), user } satisfies Answered
    }
  }
}

function signIn({ tokens, accounts }: RestWorld, request: Arrived): Reply {
  if (request.method !== 'POST') throw framework(405, `Method ${request.method} not allowed`)
  return jsonReply(tokens.signIn(jsonOf(request), accounts, request.sender))
}

/** By token, else by password. Null: the web server does not let them in. */
function callerOf({ tokens, accounts }: RestWorld, { headers, url, sender }: Arrived): Account | null {
  const { authorization } = headers
  const token = headers['x-f5-auth-token']
  const basic = /^Basic (.+)$/i.exec(authorization ?? '')?.[1]
  // the web server looks at a password before anybody else looks at a token
  const byPassword = basic === undefined ? null : accountOf(accounts, basic)
  if (basic !== undefined && !byPassword) return null
  if (typeof token === 'string') {
    const name = tokens.userOf(token)
    const found = accounts.find((account) => account.name === name)
    if (!found) throw framework(401, 'X-F5-Auth-Token does not exist.')
    return found
  }
  if (byPassword) return byPassword
  const uri = `http://localhost:8100${url}`
  throw framework(
    401,
    `Authorization failed: no user authentication header or token detected. Uri:${uri} Referrer:${sender} Sender:${sender}`
  )
}

function accountOf(accounts: readonly Account[], base64: string): Account | null {
  const text = Buffer.from(base64, 'base64').toString()
  const at = text.indexOf(':')
  const [name, password] = [text.slice(0, at), text.slice(at + 1)]
  const found = accounts.find((one) => one.name === name && one.password === password)
  return found && !found.isPasswordExpired ? found : null
}

interface Addressed {
  readonly path: string
  readonly segments: readonly string[]
  readonly caller: Account
}

async function answered(
  world: RestWorld,
  request: Arrived,
  { path, segments, caller }: Addressed
): Promise<Reply> {
  const { method, url, headers } = request
  const below = segments.slice(1)
  if (!mayUse(caller, method, below.join('/'))) throw unauthorized(caller, request, path)
  const [first, second, third, ...rest] = below
  if (first === 'tm') {
    const transaction = headers['x-f5-rest-coordination-id']
    const body = method === 'GET' || method === 'DELETE' ? {} : jsonOf(request)
    checkOperator(caller, method, body, () => unauthorized(caller, request, path))
    return jsonReply(
      await answerTm(world, {
        method,
        path,
        segments: below.slice(1),
        query: new URLSearchParams(url.slice(path.length)),
        body,
        caller,
        transaction: typeof transaction === 'string' ? transaction : undefined
      })
    )
  }
  if (first === 'shared' && second === 'authz' && third === 'tokens') {
    const body = method === 'PATCH' ? jsonOf(request) : {}
    return jsonReply(world.tokens.answer(method, rest, { caller, body }))
  }
  if (first === 'shared' && second === 'file-transfer') return transferred(world, request, below.slice(2))
  throw unknownPath(path)
}

function transferred(
  { uploads }: RestWorld,
  { method, headers, bytes, url }: Arrived,
  segments: readonly string[]
): Reply {
  const [what, name = '', ...rest] = segments
  const range = headers['content-range']
  if (rest.length > 0) throw unknownPath(url)
  if (what === 'uploads' && method === 'POST') return jsonReply(uploads.take(name, bytes, range))
  if (what === 'bulk' && method === 'GET') {
    const { bytes: body, range: given } = uploads.give(name, range)
    return {
      status: 200,
      headers: { 'content-type': 'application/octet-stream', 'content-range': given },
      body
    }
  }
  if (what === 'uploads' || what === 'bulk') throw framework(405, `Method ${method} not allowed`)
  throw unknownPath(url)
}

function unauthorized(caller: Account, { method, url, sender }: Arrived, path: string): Refusal {
  return framework(
    401,
    `Authorization failed: user=https://localhost/mgmt/shared/authz/users/${caller.name} resource=${path} verb=${method} uri:http://localhost:8100${url} referrer:${sender} sender:${sender}`
  )
}

/** An operator switches virtual servers on and off, no more. */
function checkOperator({ role }: Account, method: string, body: JsonObject, refusal: () => Refusal): void {
  if (role !== 'operator' || method === 'GET') return
  const isSwitch = Object.keys(body).every((name) => name === 'enabled' || name === 'disabled')
  if (method !== 'PATCH' || !isSwitch) throw refusal()
}

function jsonOf({ headers, bytes }: Arrived): JsonObject {
  if (!/^application\/json\b/i.test(headers['content-type'] ?? '')) {
    throw new Refusal(415, 'Found invalid content-type. Content-type must be application/json.')
  }
  if (bytes.length === 0) return {}
  let value: unknown
  try {
    value = JSON.parse(bytes.toString()) as unknown
  } catch {
    throw new Refusal(400, 'Found invalid JSON body in the request.')
  }
  if (!isObject(value)) throw new Refusal(400, 'Found invalid JSON body in the request.')
  return value
}

/** Outside of REST there is only the page for signing in. */
function notRest(path: string): Reply {
  const headers = { 'content-type': 'text/html', server: 'Apache' }
  if (path === '/' || path === '') {
    return { status: 302, headers: { ...headers, location: '/tmui/login.jsp' }, body: Buffer.from('') }
  }
  const isPage = path === '/tmui/login.jsp'
  return {
    status: isPage ? 200 : 404,
    headers,
    body: Buffer.from(isPage ? '<html><head><title>BIG-IP&reg;</title></head><body></body></html>' : '')
  }
}
