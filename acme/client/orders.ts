import { visible } from '../../core/text.ts'
import { readIdentifier, readTime, writeTime, type Identifier } from '../messages/fields.ts'
import { linksOf } from '../messages/headers.ts'
import { OrdersMessage } from '../messages/account.ts'
import { OrderMessage } from '../messages/order.ts'
import { problemOf, type AcmeProblem } from '../messages/problem.ts'
import { unsupported } from './accounts.ts'
import { answerReader, malformed } from './answers.ts'
import { checkedUrl, type Directory } from './ca.ts'
import type { WireAnswer } from './connection.ts'
import { postSigned, type AcmeAccount } from './post.ts'

/**
 * An order as its CA has it (RFC 8555 §7.1.3). Its state tells what comes next:
 *
 *     pending ──▶ ready ──▶ processing ──▶ valid
 *        └──────────┴────────────┴───────▶ invalid
 *
 * | state | next call |
 * |---|---|
 * | pending | for each authorization that is pending: show the answer to a challenge, then `respond`; then poll |
 * | ready | `finalize` with the CSR |
 * | processing | poll |
 * | valid | `downloadCertificate` |
 * | invalid | nothing: `problem` tells why, a new order is needed |
 *
 * A poll is `getOrder`, not before `retryAfterMs`; the calls here never wait and never poll. Everything that is
 * needed to go on after a crash is the order's URL (and the CSR's key): keep it before the next call. What may
 * be done again when an answer was lost:
 *
 * - `getOrder`, `getAuthorization`, `downloadCertificate`: always;
 * - `respond`: always, a challenge that is not pending stays as it is (look at the authorization first);
 * - `finalize`: only after `getOrder` still says ready. A CA that has taken it says processing or valid then, and
 *   would answer a second one with orderNotReady (a Fault acme-conflict);
 * - `newOrder`: ask `findOrder` first. Where the CA lists no orders, one more pending order is all that can come
 *   of it: it costs nothing and expires.
 */
export type Order = OrderCommon &
  (
    | { readonly status: 'pending' | 'ready' | 'processing' }
    | { readonly status: 'valid'; readonly certificateUrl: string }
    | { readonly status: 'invalid'; readonly problem: AcmeProblem | null }
  )

interface OrderCommon {
  readonly url: string
  /** as the CA writes them; what is no host name or address is left out */
  readonly identifiers: readonly Identifier[]
  readonly authorizationUrls: readonly string[]
  readonly finalizeUrl: string
  /** when the CA gives it up, milliseconds since the epoch; null when it does not say */
  readonly expires: number | null
  readonly profile: string | null
  /** how long to wait before the next poll, capped; null when the CA does not say */
  readonly retryAfterMs: number | null
}

/** What is to be ordered. */
export interface OrderRequest {
  readonly identifiers: readonly Identifier[]
  /** one of the directory's profiles */
  readonly profile?: string
  /** id of the certificate that is replaced (`certificateId`); left out where the CA has no renewal information */
  readonly replaces?: string
  /** wanted validity, milliseconds since the epoch; public CAs refuse it */
  readonly notBefore?: number
  readonly notAfter?: number
}

const readOrder = answerReader(OrderMessage)
const readOrders = answerReader(OrdersMessage)

/**
 * Places an order (RFC 8555 §7.4). Not safe to repeat when the answer is lost: see {@link Order}. Some CAs give
 * the same order again for the same names while it is pending.
 */
export async function newOrder(
  account: AcmeAccount,
  { identifiers, profile, replaces, notBefore, notAfter }: OrderRequest,
  signal: AbortSignal
): Promise<Order> {
  const { ca } = account
  const directory = await ca.directory(signal)
  if (profile !== undefined && !Object.hasOwn(directory.profiles, profile)) {
    const offered = visible(Object.keys(directory.profiles).join(', '), 500) || 'none'
    throw unsupported(ca, `does not offer the profile ${profile} (it offers ${offered})`)
  }
  const payload = {
    identifiers,
    ...(profile === undefined ? {} : { profile }),
    // RFC 9773 §5: only where the CA has renewal information
    ...(replaces === undefined || directory.renewalInfo === null ? {} : { replaces }),
    ...(notBefore === undefined ? {} : { notBefore: writeTime(notBefore) }),
    ...(notAfter === undefined ? {} : { notAfter: writeTime(notAfter) })
  }
  const what = `a new order for ${namesOf(identifiers)}`
  const answer = await postSigned(account, { url: directory.newOrder, payload, what }, signal)
  return orderIn(answer, { account, what, directory })
}

/** The order as it is now. */
export async function getOrder(account: AcmeAccount, url: string, signal: AbortSignal): Promise<Order> {
  const what = 'a look at the order'
  const answer = await postSigned(account, { url, payload: null, what }, signal)
  return orderIn(answer, { account, url, what, directory: await account.ca.directory(signal) })
}

/**
 * Asks for the certificate of an order that is ready (RFC 8555 §7.4), with a CSR in DER that names exactly the
 * identifiers of the order. Never call it twice without a {@link getOrder} that says ready in between.
 */
export async function finalize(
  account: AcmeAccount,
  { order, csr }: { readonly order: Pick<Order, 'url' | 'finalizeUrl'>; readonly csr: Uint8Array },
  signal: AbortSignal
): Promise<Order> {
  const what = 'the finalization of the order'
  const payload = { csr: Buffer.from(csr).toString('base64url') }
  const answer = await postSigned(account, { url: order.finalizeUrl, payload, what }, signal)
  return orderIn(answer, { account, url: order.url, what, directory: await account.ca.directory(signal) })
}

/** One page of an account's list of orders. */
export interface OrderPage {
  readonly orderUrls: readonly string[]
  /** null at the last page */
  readonly nextUrl: string | null
}

/** A page of the list at `url`: first the account's `ordersUrl`, then each page's `nextUrl` (RFC 8555 §7.1.2.1). */
export async function listOrders(account: AcmeAccount, url: string, signal: AbortSignal): Promise<OrderPage> {
  const { ca } = account
  const what = 'the list of orders'
  const answer = await postSigned(account, { url, payload: null, what }, signal)
  const { orders } = readOrders(answer, { ca: ca.name, what })
  const directory = await ca.directory(signal)
  const [next] = linksOf(answer.headers['link'], 'next')
  return {
    orderUrls: orders.map((text) => checkedUrl(text, 'an order of the list', { ca, directory })),
    nextUrl: next === undefined ? null : checkedUrl(next, 'the next page of orders', { ca, directory })
  }
}

interface OrderFrame {
  readonly account: AcmeAccount
  /** left out for a new order, whose URL is told in a header */
  readonly url?: string
  readonly what: string
  readonly directory: Directory
}

function orderIn(answer: WireAnswer, { account, url, what, directory }: OrderFrame): Order {
  const { ca } = account
  const asked = { ca: ca.name, what }
  const message = readOrder(answer, asked)
  const location = url ?? answer.headers['location']
  if (location === undefined) throw malformed(asked, 'it does not tell the URL of the order')
  const checked = (text: string, field: string) => checkedUrl(text, field, { ca, directory })
  const common: OrderCommon = {
    url: checked(location, 'the URL of the order'),
    identifiers: message.identifiers.flatMap((one) => readIdentifier(one) ?? []),
    authorizationUrls: message.authorizations.map((text) => checked(text, 'authorizations')),
    finalizeUrl: checked(message.finalize, 'finalize'),
    expires: readTime(message.expires),
    profile: message.profile ?? null,
    retryAfterMs: ca.retryAfter(answer)
  }
  const { status, certificate, error } = message
  switch (status) {
    case 'valid':
      if (!certificate) throw malformed(asked, 'the order is valid, and names no certificate')
      return { ...common, status, certificateUrl: checked(certificate, 'certificate') }
    case 'invalid':
    case 'deactivated':
    case 'expired':
    case 'revoked':
      return {
        ...common,
        status: 'invalid',
        problem: error ? problemOf(error, { status: 0, retryAfterMs: null }) : null
      }
    default:
      return { ...common, status }
  }
}

const mostNamed = 5

function namesOf(identifiers: readonly Identifier[]): string {
  const named = identifiers.slice(0, mostNamed).map(({ value }) => value)
  const more = identifiers.length - named.length
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
