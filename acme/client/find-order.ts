import { formatAddress, parseAddress } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import type { Identifier } from '../messages/fields.ts'
import { readAccountFacts } from './accounts.ts'
import { getOrder, listOrders, type Order } from './orders.ts'
import type { AcmeAccount } from './post.ts'

/** What the list of orders tells about an order whose URL was lost. */
export type OrderSearch =
  | { readonly found: 'order'; readonly order: Order }
  /** the list was read, to its end unless it is longer than is read */
  | { readonly found: 'none'; readonly isComplete: boolean }
  /** the CA does not list the orders of an account */
  | { readonly found: 'no-list' }

/** Which order is looked for. */
export interface OrderWanted {
  readonly identifiers: readonly Identifier[]
  /** URLs of orders that are known: the lost one is none of them */
  readonly except: readonly string[]
  /** pages of the list to read at most. Default 10 */
  readonly mostPages?: number
  /** orders to look at at most. Default 50 */
  readonly mostOrders?: number
}

/**
 * Looks for an order that can be gone on with (pending or ready) and has exactly these identifiers, after the
 * answer to `newOrder` was lost. The one exchange per page and per order makes it the only call here with more
 * than a handful.
 */
export async function findOrder(
  account: AcmeAccount,
  { identifiers, except, mostPages = 10, mostOrders = 50 }: OrderWanted,
  signal: AbortSignal
): Promise<OrderSearch> {
  const { ordersUrl } = await readAccountFacts(account, signal)
  if (ordersUrl === null) return { found: 'no-list' }
  const wanted = keyOf(identifiers)
  const passed = new Set(except)
  let looked = 0
  let page: string | null = ordersUrl
  for (let pages = 0; page !== null && pages < mostPages; pages++) {
    const { orderUrls, nextUrl } = await listOrders(account, page, signal)
    for (const url of orderUrls.filter((url) => !passed.has(url))) {
      if (looked++ === mostOrders) return { found: 'none', isComplete: false }
      passed.add(url)
      const order = await orderOrGone(account, url, signal)
      const isOpen = order?.status === 'pending' || order?.status === 'ready'
      if (isOpen && keyOf(order.identifiers) === wanted) return { found: 'order', order }
    }
    page = nextUrl
  }
  return { found: 'none', isComplete: page === null }
}

async function orderOrGone(account: AcmeAccount, url: string, signal: AbortSignal): Promise<Order | null> {
  try {
    return await getOrder(account, url, signal)
  } catch (thrown) {
    // lists name orders that the CA has removed meanwhile
    if (thrown instanceof Fault && thrown.code === 'acme-missing') return null
    throw thrown
  }
}

/** A text that is equal for identifiers that mean the same, whatever their order, case and form. */
export function keyOf(identifiers: readonly Identifier[]): string {
  const keys = identifiers.map(({ type, value }) => {
    const address = type === 'ip' ? parseAddress(value) : undefined
    return `${type} ${address === undefined ? value.toLowerCase() : formatAddress(address)}`
  })
  return [...new Set(keys)].sort().join('\n')
}
