import { Fault, type FaultCode } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'

/** What a unit answered instead of what was asked for. */
export interface Refusal {
  readonly status: number
  /** the message of iControl REST; undefined: the answer was no JSON, as those of Apache are */
  readonly message: string | undefined
}

/** What follows from a refusal. */
export interface Meaning {
  readonly code: FaultCode
  /** to wait before it is tried again */
  readonly retryAfterMs?: number
  /** what a person should know beside the device's words */
  readonly remedy?: string
}

interface Row extends Meaning {
  /** undefined: any */
  readonly status?: number
  readonly says: RegExp
}

const restarting = 'Its services are being restarted, or its API is overloaded.'

/**
 * What the words of a refusal mean; the first row that fits counts. Sources: F5's knowledge base (K44237337, K02126317)
 * and reports to f5-ansible, terraform-provider-bigip, k8s-bigip-ctlr and AS3, by the words that they quote.
 */
const rows: readonly Row[] = [
  {
    says: /maximum active login tokens/i,
    code: 'device-busy',
    retryAfterMs: 60_000,
    remedy: 'Other programs hold the 100 tokens of this user: give Tlsward a user of its own.'
  },
  { says: /active asynchronous task|AsyncContext timeout/i, code: 'device-busy', retryAfterMs: 30_000 },
  { says: /URI path not registered/i, code: 'device-busy', retryAfterMs: 30_000, remedy: restarting },
  { says: /\bsave\b.*in progress|another .*\bsav(?:e|ing)\b/i, code: 'device-busy', retryAfterMs: 10_000 },
  { says: /no space left|disk (?:is )?full/i, code: 'device-full' },
  {
    says: /application (?:service|management interface)/i,
    code: 'device-managed-elsewhere',
    remedy: 'It belongs to an application service: change it there.'
  },
  { status: 401, says: /Authorization failed/i, code: 'device-right' },
  { says: /\b01070822:|access denied|read-only|not authorized/i, code: 'device-right' },
  { says: /was not found|foreign key index|Object not found/i, code: 'device-changed' }
]

/** characters of a message in which a meaning is looked for: patterns take the square of it */
const mostWords = 2_000

/** What a refusal means, when the words say nothing. */
const byStatus: Readonly<Record<number, Meaning>> = {
  401: { code: 'device-right' },
  403: { code: 'device-right' },
  404: { code: 'device-changed' },
  408: { code: 'device-busy' },
  413: { code: 'device-malformed' },
  415: { code: 'device-malformed' },
  423: { code: 'device-busy' },
  429: { code: 'device-busy', retryAfterMs: 30_000 }
}

/** The meaning of a refusal: pure, from the one table. */
export function meaningOf({ status, message }: Refusal): Meaning {
  if (message === undefined) {
    return { code: 'device-busy', retryAfterMs: 30_000, remedy: restarting }
  }
  const words = message.slice(0, mostWords)
  const row = rows.find((one) => (one.status ?? status) === status && one.says.test(words))
  if (row) {
    const { code, retryAfterMs, remedy } = row
    return {
      code,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(remedy === undefined ? {} : { remedy })
    }
  }
  if (status >= 500) return { code: 'device-busy', retryAfterMs: 30_000 }
  return byStatus[status] ?? { code: status >= 400 ? 'device-refused' : 'device-malformed' }
}

/**
 * Is the token of a session gone: expired, deleted, or forgotten by a restart? Apache asks for a password, in HTML, when
 * it cannot have a token checked.
 */
export function isTokenGone({ status, message }: Refusal): boolean {
  if (status !== 401) return false
  return message === undefined || /X-F5-Auth-Token (?:does not exist|has expired)/i.test(message)
}

/** does something of this name exist already? */
export function isThere({ status, message }: Refusal): boolean {
  return status === 409 || /\b01020066:|already exists in partition/.test(message ?? '')
}

/** is it not there (any more)? */
export function isMissing({ status, message }: Refusal): boolean {
  return status === 404 && message !== undefined && !/not registered/i.test(message)
}

/** does something else still use it? */
export function isInUse({ message }: Refusal): boolean {
  return /\b01071349:|\b01070265:|is in use\b|in use by/i.test(message ?? '')
}

/** What is said of a request in messages. */
export interface Asked {
  /** e.g. `The BIG-IP at 10.0.0.5:443` */
  readonly unit: string
  /** e.g. `create the key /Common/shop.key` */
  readonly what: string
  /** what was sent is secret, and refusals can repeat it: their words are not shown */
  readonly isSecret: boolean
}

/** A refusal as a fault. */
export function refused({ unit, what, isSecret }: Asked, refusal: Refusal): Fault {
  const { code, retryAfterMs, remedy } = meaningOf(refusal)
  const { status, message } = refusal
  const words = message === undefined ? 'it answers with a page for people' : visible(message, 300)
  const shown = isSecret || /PRIVATE KEY|-----BEGIN/.test(words) ? 'its words may hold what was sent' : words
  const text = `${unit} does not ${what} (${status}): ${shown}${/[.!?]$/.test(shown) ? '' : '.'}`
  return new Fault(code, remedy === undefined ? text : `${text} ${remedy}`, {
    status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs })
  })
}
