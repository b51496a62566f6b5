import { deactivateAuthorization, getAuthorization } from '../../acme/client/authorizations.ts'
import { getOrder } from '../../acme/client/orders.ts'
import type { AcmeAccount } from '../../acme/client/post.ts'
import { asFault, faultKinds, type Fault } from '../../core/fault.ts'
import { openKeptBook, type OrderBook } from './acme-order-memory.ts'
import type { OrderTools } from './acme-order.ts'
import { removeAnswers } from './acme-proofs.ts'
import type { Abandoned, OrderMemory } from './issuer.ts'

const mostCleanups = 5
const cleanupWaitMs = 30_000
/** authorizations that are given up in one call, so that it stays short */
const atOnce = 5

interface Giving {
  readonly tools: OrderTools
  readonly signal: AbortSignal
}

/**
 * Gives an order up: its answers to challenges are taken away first, also where the CA cannot be reached; then each
 * authorization that is pending is deactivated (RFC 8555 §7.5.2), which ends the order. What is valid stays: the next
 * order needs no proof then. An order that may have been finalized is only cleaned up.
 */
export async function abandonOrder(memory: OrderMemory, { tools, signal }: Giving): Promise<Abandoned> {
  const book = openKeptBook(memory)
  if (!book) return { state: 'abandoned' }
  const cleaned = await cleanedUp(book, { tools, signal })
  if (cleaned) return cleaned
  if (book.notes.isFinalized) return { state: 'kept' }
  if (book.notes.orderUrl === null) return { state: 'abandoned' }
  return endOrder(book, book.notes.orderUrl, { tools, signal })
}

const nothingGivenUp = { cleanups: 0, authorizations: [] }

/** null: no answer is left, or nothing more can be done about those that are */
async function cleanedUp(book: OrderBook, { tools, signal }: Giving): Promise<Abandoned | null> {
  const { settings, solver, presented, log, clock } = tools
  const now = () => clock.now()
  const { left, trouble } = await removeAnswers(
    { book, rules: settings.proofs, solver, presented, log, now },
    signal
  )
  if (left === 0) return null
  const why = 'the answers of an order that was given up are taken away'
  if (!trouble) return { state: 'pending', againAt: now(), why }
  const givenUp = book.notes.givenUp ?? nothingGivenUp
  if (!faultKinds[trouble.kind].retry || givenUp.cleanups >= mostCleanups) {
    log.warn('acme-answers-left', { names: book.notes.proofs.map(({ name }) => name), why: trouble.message })
    return null
  }
  book.change({ givenUp: { ...givenUp, cleanups: givenUp.cleanups + 1 } })
  return { state: 'pending', againAt: now() + cleanupWaitMs * 2 ** givenUp.cleanups, why: trouble.message }
}

async function endOrder(book: OrderBook, url: string, { tools, signal }: Giving): Promise<Abandoned> {
  const account = await tools.account(signal)
  let authorizationUrls: readonly string[]
  try {
    const order = await getOrder(account, url, signal)
    // it has been finalized by another request, or has come to its end
    if (order.status !== 'pending' && order.status !== 'ready' && order.status !== 'invalid')
      return { state: 'abandoned' }
    authorizationUrls = order.authorizationUrls
  } catch (thrown) {
    signal.throwIfAborted()
    if (isGone(asFault(thrown))) return { state: 'abandoned' }
    throw thrown
  }
  const known = new Set(book.notes.givenUp?.authorizations)
  const open = authorizationUrls.filter((one) => !known.has(one))
  for (const authorization of open.slice(0, atOnce)) {
    await endAuthorization(account, authorization, { tools, signal })
    const givenUp = book.notes.givenUp ?? nothingGivenUp
    book.change({ givenUp: { ...givenUp, authorizations: [...givenUp.authorizations, authorization] } })
  }
  if (open.length <= atOnce) return { state: 'abandoned' }
  return { state: 'pending', againAt: tools.clock.now(), why: 'authorizations are given up' }
}

/** a CA that does not allow it lets it expire */
async function endAuthorization(account: AcmeAccount, url: string, { tools, signal }: Giving): Promise<void> {
  try {
    const { status } = await getAuthorization(account, url, signal)
    if (status === 'pending') await deactivateAuthorization(account, url, signal)
  } catch (thrown) {
    signal.throwIfAborted()
    const fault = asFault(thrown)
    if (faultKinds[fault.kind].retry || fault.kind === 'bug') throw fault
    tools.log.debug('acme-authorization-left', { url, why: fault.message })
  }
}

function isGone({ code }: Fault): boolean {
  return code === 'acme-missing'
}
