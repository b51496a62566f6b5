import { type Static, type TSchema, Type } from 'typebox'
import type { Clock } from '../../core/clock.ts'
import { asFault, Fault } from '../../core/fault.ts'
import type { Log } from '../../core/log.ts'
import { parser } from '../../core/schema.ts'
import { Secret } from '../../core/secret.ts'
import { isMissing, isTokenGone, meaningOf, type Refusal, refused } from './faults.ts'
import { errorReply, loginReply, type Page } from './replies.ts'
import { nameOf, type Place, type Trust } from './tls.ts'
import { openTransport, type Transport } from './transport.ts'

/** Who signs in, and how the unit is recognised. */
export interface Login {
  readonly place: Place
  readonly trust: Trust
  readonly user: string
  readonly password: Secret
  readonly provider: string
  /** of keys that profiles name already */
  readonly keyPassphrase: Secret | undefined
  readonly clock: Clock
  readonly log: Log
}

/** One call of iControl REST. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** below /mgmt, encoded */
  readonly path: string
  /** for messages: `create the key /Common/shop.key` */
  readonly what: string
  readonly body?: object
  /** what is uploaded, instead of a body */
  readonly chunk?: { readonly bytes: Buffer; readonly range: string }
  readonly timeoutMs?: number
  /** a file is wanted, not JSON: the part of it, as Content-Range says it */
  readonly part?: string
  /** refusals that are an answer, too: they are given back instead of thrown */
  readonly expects?: (refusal: Refusal) => boolean
}

/** Refused as expected, or done. */
export type Outcome<T> =
  { readonly is: 'done'; readonly value: T } | { readonly is: 'refused'; readonly why: Refusal }

/** life of a token, from when it is made: what a process that was killed leaves behind is gone then */
const tokenLifeMs = 600_000
/** a call takes two minutes at most: a token is changed for another one before it ends in the middle */
const renewBeforeMs = 150_000
const usualTimeoutMs = 30_000
/** of a collection */
const pageSize = 500
const mostPages = 200
/** characters of all pages together: ten thousand virtual servers with their profiles take two thirds of it */
const largestList = 64 * 1024 * 1024

interface Token {
  readonly value: Secret
  readonly madeAt: number
}

/**
 * A unit by its API: signs in by token once, again when the token ends, and gives the token back on close. A token
 * that leaks counts against a limit of 100 for each user (K44237337). Faults of every call: the table of faults.ts,
 * device-sign-in, device-pin, device-unreachable, device-malformed.
 */
export class Client {
  readonly name: string
  readonly #login: Login
  readonly #transport: Transport
  /** compiled once for each schema */
  readonly #parsers = new Map<TSchema, (value: unknown) => unknown>()
  #token: Token | undefined
  /** characters of answers so far */
  #received = 0

  constructor(login: Login) {
    this.name = nameOf(login.place)
    this.#login = login
    this.#transport = openTransport(login.place, login.trust, login.clock)
  }

  get place(): Place {
    return this.#login.place
  }

  get user(): string {
    return this.#login.user
  }

  /** undefined: the device has none to give with pairs that need one */
  get keyPassphrase(): Secret | undefined {
    return this.#login.keyPassphrase
  }

  /** the unit's own TLS certificate, DER, once there was a connection */
  get ownCertificate(): Buffer | undefined {
    return this.#transport.leaf()
  }

  /** Signs in when nobody has yet. A refusal is device-sign-in, and is not tried again. */
  async signIn(signal: AbortSignal): Promise<void> {
    await this.#tokenNow(signal)
  }

  /** One object, or undefined when it is not there. */
  async find<const S extends TSchema>(
    call: Omit<Call, 'method' | 'expects'>,
    schema: S,
    signal: AbortSignal
  ): Promise<Static<S> | undefined> {
    const outcome = await this.attempt({ ...call, method: 'GET', expects: isMissing }, schema, signal)
    return outcome.is === 'done' ? outcome.value : undefined
  }

  /** A whole collection, page by page. */
  async list<S extends TSchema>(
    call: Omit<Call, 'method' | 'expects'>,
    schema: Page<S>,
    signal: AbortSignal
  ): Promise<Static<S>[]> {
    const found: Static<S>[] = []
    const before = this.#received
    for (let page = 0; page < mostPages; page++) {
      const range = `$top=${pageSize}${page === 0 ? '' : `&$skip=${page * pageSize}`}`
      const path = `${call.path}${call.path.includes('?') ? '&' : '?'}${range}`
      const { items = [], totalPages } = await this.call({ ...call, path, method: 'GET' }, schema, signal)
      if (this.#received - before > largestList) break
      for (const one of items) found.push(one)
      const isLast = totalPages === undefined ? items.length !== pageSize : page + 1 >= totalPages
      if (isLast || items.length === 0) return found
    }
    throw new Fault('device-malformed', `${this.name} lists without end when asked to ${call.what}.`)
  }

  /** One call whose answer is wanted. */
  async call<const S extends TSchema>(
    call: Omit<Call, 'expects'>,
    schema: S,
    signal: AbortSignal
  ): Promise<Static<S>> {
    const outcome = await this.attempt(call, schema, signal)
    if (outcome.is === 'done') return outcome.value
    throw this.#refused(call, outcome.why)
  }

  /**
   * A small text file, whole: at most half a megabyte. F5's own modules name its length as 0 while they do not know it.
   */
  fetchFile(call: Pick<Call, 'path' | 'what'>, signal: AbortSignal): Promise<string> {
    return this.call({ ...call, method: 'GET', part: '0-524287/0' }, Type.String(), signal)
  }

  /** One call that may be refused in an expected way. */
  async attempt<const S extends TSchema>(
    call: Call,
    schema: S,
    signal: AbortSignal
  ): Promise<Outcome<Static<S>>> {
    const first = await this.#exchange(call, await this.#tokenNow(signal), signal)
    const answer = 'refusal' in first && isTokenGone(first.refusal) ? await this.#again(call, signal) : first
    if ('refusal' in answer) {
      if (call.expects?.(answer.refusal)) return { is: 'refused', why: answer.refusal }
      throw this.#refused(call, answer.refusal)
    }
    return { is: 'done', value: this.#parsed(call, schema, answer.text) }
  }

  /** Gives the token back, and ends the connection. */
  async close(signal: AbortSignal): Promise<void> {
    try {
      const token = this.#token
      this.#token = undefined
      if (token) await this.#release(token, signal)
    } finally {
      this.#transport.close()
    }
  }

  // a request that was refused for its token was not done: it may be made again
  async #again(call: Call, signal: AbortSignal): Promise<Answer> {
    this.#token = undefined
    return this.#exchange(call, await this.#tokenNow(signal), signal)
  }

  async #tokenNow(signal: AbortSignal): Promise<Token> {
    const now = this.#login.clock.ticks()
    const former = this.#token
    if (former && now - former.madeAt < tokenLifeMs - renewBeforeMs) return former
    this.#token = undefined
    if (former) await this.#release(former, signal)
    const token: Token = { value: await this.#logIn(signal), madeAt: now }
    this.#token = token
    await this.#shorten(token, signal)
    return token
  }

  async #logIn(signal: AbortSignal): Promise<Secret> {
    const { user, password, provider } = this.#login
    const body = { username: user, password, loginProviderName: provider }
    const call: Call = { method: 'POST', path: '/shared/authn/login', what: 'let us sign in', body }
    const answer = await this.#exchange(call, undefined, signal)
    if (!('refusal' in answer)) {
      return new Secret(this.#parsed(call, loginReply, answer.text).token.token)
    }
    const { refusal } = answer
    if (refusal.status === 401 || meaningOf(refusal).code === 'device-right') {
      throw new Fault(
        'device-sign-in',
        `${this.name} refuses the sign-in of ${user} (login provider ${provider}). Correct user, password or provider; a password that has expired must be changed on the device first.`,
        { status: refusal.status }
      )
    }
    throw this.#refused(call, refusal)
  }

  /** the life of a token counts from its making */
  async #shorten(token: Token, signal: AbortSignal): Promise<void> {
    const path = `/shared/authz/tokens/${token.value.reveal()}`
    const body = { timeout: tokenLifeMs / 1000 }
    const call: Call = { method: 'PATCH', path, what: 'shorten the life of the token', body }
    const answer = await this.#exchange(call, token, signal)
    // some roles may not: it ends after 20 minutes then
    if ('refusal' in answer) this.#login.log.debug('f5-token-life-kept', { status: answer.refusal.status })
  }

  async #release(token: Token, signal: AbortSignal): Promise<void> {
    const path = `/shared/authz/tokens/${token.value.reveal()}`
    const answer = await this.#exchange(
      { method: 'DELETE', path, what: 'end the session', timeoutMs: 10_000 },
      token,
      signal
    )
    if (!('refusal' in answer) || isMissing(answer.refusal) || isTokenGone(answer.refusal)) return
    this.#login.log.debug('f5-token-kept', { status: answer.refusal.status })
  }

  async #exchange(call: Call, token: Token | undefined, signal: AbortSignal): Promise<Answer> {
    const { method, path, body, chunk, part, timeoutMs = usualTimeoutMs } = call
    const { status, text } = await this.#transport.exchange(
      {
        method,
        path: `/mgmt${path}`,
        headers: {
          ...(token ? { 'x-f5-auth-token': token.value.reveal() } : {}),
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...(chunk ? { 'content-type': 'application/octet-stream', 'content-range': chunk.range } : {}),
          ...(part === undefined ? {} : { 'content-type': 'application/octet-stream', 'content-range': part })
        },
        body: chunk?.bytes ?? (body && Buffer.from(JSON.stringify(body, revealed))),
        timeoutMs,
        isRepeatable: method === 'GET' || path.startsWith('/shared/authz/tokens/')
      },
      signal
    )
    this.#received += text.length
    // apart from these, a page for people stands where JSON was asked for
    const isJson = /^\s*[{[]/.test(text) || (text.trim() === '' && status < 300)
    const isFile = part !== undefined && !/^\s*</.test(text)
    if (status >= 200 && status < 300 && (isJson || isFile)) return { text }
    return { refusal: { status, message: isJson ? messageOf(text) : undefined } }
  }

  #parsed<const S extends TSchema>(call: Call, schema: S, text: string): Static<S> {
    try {
      const isFile = call.part !== undefined
      const value: unknown = isFile ? text : text.trim() === '' ? {} : JSON.parse(text)
      return this.#parserOf(schema)(value) as Static<S>
    } catch (thrown) {
      const why = thrown instanceof SyntaxError ? 'broken JSON' : asFault(thrown).message
      throw new Fault(
        'device-malformed',
        `${this.name}, asked to ${call.what}, sends what is not known: ${why}.`
      )
    }
  }

  #parserOf(schema: TSchema): (value: unknown) => unknown {
    const known = this.#parsers.get(schema)
    if (known) return known
    const made = parser(schema, 'device-malformed')
    this.#parsers.set(schema, made)
    return made
  }

  #refused({ what, path, chunk }: Call, refusal: Refusal): Fault {
    const isSecret = chunk !== undefined || path === '/shared/authn/login'
    const { password, keyPassphrase } = this.#login
    const secrets = [password, keyPassphrase, this.#token?.value].flatMap((one) => one?.reveal() ?? [])
    const message = secrets.reduce<string | undefined>(
      (text, one) => (one === '' ? text : text?.replaceAll(one, '[secret]')),
      refusal.message
    )
    return refused({ unit: this.name, what, isSecret }, { ...refusal, message })
  }
}

/** what came back: text, or why not */
type Answer = { readonly text: string } | { readonly refusal: Refusal }

const parseError = parser(errorReply, 'device-malformed')

function messageOf(text: string): string {
  try {
    return parseError(JSON.parse(text)).message
  } catch {
    return 'no message'
  }
}

/** here, where it is sent, and nowhere else */
function revealed(_: string, value: unknown): unknown {
  return value instanceof Secret ? value.reveal() : value
}

/** Bytes of a secret for an upload. */
export function bytesOf(content: Secret | string): Buffer {
  return Buffer.from(content instanceof Secret ? content.reveal() : content)
}
