import { type Account, idOf } from './accounts.ts'
import { isObject, type JsonObject, textOf } from './json.ts'
import { badProperty, framework } from './refusal.ts'

/** A token that somebody signed in for. */
export interface Token {
  readonly token: string
  readonly user: string
  readonly address: string
  /** milliseconds since the epoch */
  readonly startTime: number
  /** seconds of life from startTime, whether it is used or not */
  timeout: number
}

/** seconds: default, and the most that may be asked for */
const usualTimeout = 1200
const longestTimeout = 36_000
/** live tokens of one user */
const most = 100

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Signing in for tokens, and what becomes of them. They live in memory only. */
export class Tokens {
  readonly #all = new Map<string, Token>()
  readonly #now: () => number
  readonly #bytes: (count: number) => Uint8Array

  constructor(now: () => number, bytes: (count: number) => Uint8Array) {
    this.#now = now
    this.#bytes = bytes
  }

  /** those that still let somebody in */
  get live(): Token[] {
    return [...this.#all.values()].filter((token) => this.#isLive(token))
  }

  /** POST shared/authn/login */
  signIn(body: JsonObject, accounts: readonly Account[], address: string): JsonObject {
    const name = textOf(body, 'username') ?? ''
    const provider = textOf(body, 'loginProviderName')
    if (provider !== undefined && provider !== 'tmos') throw framework(401, 'loginProviderName is invalid.')
    const account = accounts.find((one) => one.name === name && one.password === body['password'])
    if (!account) throw framework(401, 'Authentication failed.')
    if (account.isPasswordExpired) throw framework(401, 'Your password has expired.')
    if (this.live.filter((token) => token.user === name).length >= most) {
      throw framework(400, `user ${idOf(name)} has reached maximum active login tokens`)
    }
    const token: Token = {
      token: [...this.#bytes(26)].map((byte) => alphabet[byte % 32]).join(''),
      user: name,
      address,
      startTime: this.#now(),
      timeout: usualTimeout
    }
    this.#all.set(token.token, token)
    return {
      username: name,
      loginReference: {
        link: 'https://localhost/mgmt/cm/system/authn/providers/tmos/1f44a60e-11a7-3c51-a49f-82983026b41b/login'
      },
      loginProviderName: 'tmos',
      token: this.#shown(token),
      generation: 0,
      lastUpdateMicros: 0
    }
  }

  /** Whose token it is. Refuses one that is unknown or over. */
  userOf(text: string): string {
    const token = this.#all.get(text)
    if (!token) throw framework(401, 'X-F5-Auth-Token does not exist.')
    if (!this.#isLive(token)) throw framework(401, 'X-F5-Auth-Token has expired.')
    return token.user
  }

  /** shared/authz/tokens and below it */
  answer(method: string, [name]: readonly string[], { caller, body }: TokenRequest): JsonObject {
    const isMine = (token: Token) => caller.role === 'admin' || token.user === caller.name
    if (name === undefined) {
      if (method !== 'GET') throw framework(405, `Method ${method} not allowed`)
      const items = this.live.filter(isMine).map((token) => this.#shown(token))
      return {
        items,
        generation: items.length,
        kind: 'shared:authz:tokens:authtokencollectionstate',
        selfLink: 'https://localhost/mgmt/shared/authz/tokens'
      }
    }
    const token = this.#all.get(name)
    if (!token || !isMine(token) || !this.#isLive(token)) {
      throw framework(404, `Object not found - https://localhost/mgmt/shared/authz/tokens/${name}`)
    }
    if (method === 'DELETE') this.#all.delete(name)
    else if (method === 'PATCH') token.timeout = timeoutOf(body)
    else if (method !== 'GET') throw framework(405, `Method ${method} not allowed`)
    return this.#shown(token)
  }

  /** The daemon that keeps them starts anew. */
  forgetAll(): void {
    this.#all.clear()
  }

  #isLive({ startTime, timeout }: Token): boolean {
    return this.#now() < startTime + timeout * 1000
  }

  #shown({ token, user, address, startTime, timeout }: Token): JsonObject {
    return {
      token,
      name: token,
      userName: user,
      authProviderName: 'tmos',
      user: { link: `https://localhost/mgmt/shared/authz/users/${user}` },
      timeout,
      startTime: new Date(startTime).toISOString().replace('Z', '+0000'),
      address,
      partition: '[All]',
      generation: 1,
      lastUpdateMicros: startTime * 1000,
      expirationMicros: (startTime + timeout * 1000) * 1000,
      kind: 'shared:authz:tokens:authtokenitemstate',
      selfLink: `https://localhost/mgmt/shared/authz/tokens/${token}`
    }
  }
}

/** A request for {@link Tokens.answer}. */
export interface TokenRequest {
  readonly caller: Account
  readonly body: unknown
}

function timeoutOf(body: unknown): number {
  if (!isObject(body)) throw badProperty('timeout')
  const raw = body['timeout']
  const timeout = typeof raw === 'string' ? Number(raw) : raw
  if (typeof timeout !== 'number' || !Number.isInteger(timeout) || timeout < 1 || timeout > longestTimeout) {
    throw framework(400, `Failed to validate the token timeout: it must be between 1 and ${longestTimeout}`)
  }
  return timeout
}
