import { downloadCertificate } from '../../acme/client/certificates.ts'
import { findOrder } from '../../acme/client/find-order.ts'
import { readAccountFacts } from '../../acme/client/accounts.ts'
import { finalize, getOrder, newOrder, type Order } from '../../acme/client/orders.ts'
import type { AcmeAccount } from '../../acme/client/post.ts'
import { problemFault, problemOfFault } from '../../acme/client/refusals.ts'
import type { Identifier } from '../../acme/messages/fields.ts'
import { certificateId } from '../../acme/messages/renewal-info.ts'
import type { Clock } from '../../core/clock.ts'
import { asFault, Fault, faultKinds } from '../../core/fault.ts'
import type { Log } from '../../core/log.ts'
import { readCertificate } from '../../pki/quick.ts'
import { subjectNames } from '../../pki/subject-names.ts'
import { failureOf, openBook, type OrderBook } from './acme-order-memory.ts'
import { explainFailure, proveNames, removeAnswers, wasAway, type ProofTools } from './acme-proofs.ts'
import type { AcmeIssuerSettings } from './acme-settings.ts'
import type { CertificateRequest, OrderMemory, Progress } from './issuer.ts'
import { digestOf } from './order-memory.ts'
import { csrOf } from './request.ts'
import type { SolverMaker } from './solvers/settings.ts'

/** What an order is made with. */
export interface OrderTools {
  readonly settings: AcmeIssuerSettings
  readonly account: (signal: AbortSignal) => Promise<AcmeAccount>
  readonly solver: SolverMaker
  readonly presented: Set<string>
  readonly clock: Clock
  readonly log: Log
}

/** An order under way, for one call. */
interface Run extends ProofTools {
  readonly request: CertificateRequest
  readonly settings: AcmeIssuerSettings
  readonly csr: Uint8Array
  readonly spki: string
  readonly signal: AbortSignal
}

/** the longest wait that is believed of a CA, and the shortest */
const longestWaitMs = 3_600_000
const shortestWaitMs = 1_000
/** orders that may come to nothing through no fault of the request, before somebody has to look */
const mostPast = 3

/**
 * Takes an order one step on, from what is remembered of it: every act is noted before it is done, and looked after
 * before it is done again.
 */
export async function advanceOrder(
  request: CertificateRequest,
  memory: OrderMemory,
  { tools, signal }: { readonly tools: OrderTools; readonly signal: AbortSignal }
): Promise<Progress> {
  const csr = csrOf(request)
  const now = () => tools.clock.now()
  const book = openBook(memory, digestOf(request), now())
  const { settings, solver, presented, log } = tools
  const common = { book, rules: settings.proofs, solver, presented, log, now, request, settings, signal }
  try {
    const account = await tools.account(signal)
    const run: Run = { ...common, account, csr: csr.der, spki: csr.spki }
    if (book.notes.failure) return await ended(run)
    try {
      return await goOn(run)
    } catch (thrown) {
      return await failed(run, thrown)
    }
  } catch (thrown) {
    signal.throwIfAborted()
    return postponed(thrown, now())
  }
}

/** What will go well by itself at a time that the CA tells is no fault. */
function postponed(thrown: unknown, now: number): Progress {
  const asked = thrown instanceof Fault && thrown.kind === 'busy' ? thrown.facts['retryAfterMs'] : null
  if (!(thrown instanceof Fault) || typeof asked !== 'number') throw thrown
  // rate limits last longer than what a CA has to do
  const wait = Math.min(Math.max(asked, shortestWaitMs), 24 * longestWaitMs)
  return { state: 'pending', againAt: now + wait, why: thrown.message }
}

async function goOn(run: Run): Promise<Progress> {
  const { book, account, signal } = run
  const { orderUrl, givenUp, isFinalized } = book.notes
  if (givenUp && orderUrl !== null && !isFinalized)
    return begunAgain(run, { url: orderUrl }, 'it was given up')
  let order = orderUrl === null ? await place(run) : await getOrder(account, orderUrl, signal)
  if (order.status === 'pending') return prove(run, order)
  if (order.status === 'ready') {
    order = await finalized(run, order)
    await removeAnswers(run, signal)
  } else if (!book.notes.isFinalized && order.status !== 'invalid') return takenByAnother(run, order)
  switch (order.status) {
    case 'invalid':
      if (wasAway(run))
        return begunAgain(run, order, 'the CA looked for an answer while the process was down')
      throw await whyInvalid(run, order)
    case 'valid':
      return received(run, order)
    default:
      return waiting(run, order.retryAfterMs, 'the CA issues the certificate')
  }
}

function waiting({ book, now }: Run, retryAfterMs: number | null, why: string): Progress {
  const own = Math.min((now() - book.notes.since) / 2, 60_000)
  const wait = Math.min(Math.max(retryAfterMs ?? own, shortestWaitMs), longestWaitMs)
  return { state: 'pending', againAt: Math.ceil(now() + wait), why }
}

/**
 * The order of this request. A CA that may have one already is asked for it; where it cannot tell, one more is placed,
 * once: it costs nothing, for only one is ever finalized.
 */
async function place(run: Run): Promise<Order> {
  const { account, book, signal } = run
  const identifiers = identifiersOf(run.request)
  if (book.notes.placed > 0) {
    const search = await findOrder(account, { identifiers, except: book.notes.past }, signal)
    if (search.found === 'order') return adopted(run, search.order)
    if (book.notes.placed > 1) throw lost(account.ca.name)
  } else {
    // nothing is noted as sent while the CA cannot be reached, or the account cannot order
    await readAccountFacts(account, signal)
  }
  const request = orderRequest(run, identifiers)
  book.change({ placed: book.notes.placed + 1 })
  try {
    return adopted(run, await newOrder(account, request, signal))
  } catch (thrown) {
    signal.throwIfAborted()
    const fault = asFault(thrown)
    if (!isRefusal(fault)) throw fault
    book.change({ placed: book.notes.placed - 1 })
    if (request.replaces === undefined || !mindsReplaced(fault)) throw fault
    run.log.info('acme-replaces-refused', { why: fault.message })
    book.change({ replaces: false })
    return place(run)
  }
}

function adopted({ book, now }: Run, order: Order): Order {
  book.change({ orderUrl: order.url, since: now() })
  return order
}

/** Has the CA answered that it has not done it? A gateway that gives up does not know. */
function isRefusal(fault: Fault): boolean {
  const status = Number(fault.facts['status'] ?? 0)
  if (problemOfFault(fault)) return true
  if (fault.code === 'acme-unsupported' || fault.code === 'acme-untrusted') return true
  const neverSent = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']
  if (fault.code === 'acme-unreachable') return neverSent.includes(String(fault.facts['code']))
  return (status >= 400 && status < 500) || status === 503
}

/** the certificate may be from another CA or account, or replaced already (RFC 9773 §5): it is renewed all the same */
function mindsReplaced(fault: Fault): boolean {
  const type = problemOfFault(fault)?.type ?? ''
  return ['alreadyReplaced', 'malformed', 'unauthorized'].includes(type) || fault.code === 'acme-conflict'
}

function lost(ca: string): Fault {
  return new Fault(
    'acme-order-lost',
    `The CA ${ca} was asked for an order twice, and the answer was lost both times. Check the network, then begin again: pending orders expire by themselves.`,
    {}
  )
}

function identifiersOf({ names }: CertificateRequest): Identifier[] {
  const { dnsNames, ipAddresses } = subjectNames(names)
  return [
    ...dnsNames.map((value) => ({ type: 'dns', value }) as const),
    ...ipAddresses.map((value) => ({ type: 'ip', value }) as const)
  ]
}

function orderRequest({ request, settings, book, now }: Run, identifiers: readonly Identifier[]) {
  const profile = request.issuerProfile ?? settings.profile
  const replaces = request.replaces && book.notes.replaces ? idOf(request.replaces) : null
  const notAfter = settings.asksValidity && request.validityMs !== null ? now() + request.validityMs : null
  return {
    identifiers,
    ...(profile === undefined ? {} : { profile }),
    ...(replaces === null ? {} : { replaces }),
    ...(notAfter === null ? {} : { notAfter })
  }
}

/** The id of a certificate in renewal information, or null where it has none. */
export function idOf(certificate: Uint8Array): string | null {
  try {
    return certificateId(certificate)
  } catch (thrown) {
    if (asFault(thrown).code === 'certificate-malformed') return null
    throw thrown
  }
}

async function prove(run: Run, order: Order): Promise<Progress> {
  const step = await proveNames(order, run, run.signal)
  if (step === 'answered') return waiting(run, order.retryAfterMs, 'the CA looks at the proofs')
  return { state: 'pending', againAt: step.goOnAt, why: step.why }
}

async function finalized(run: Run, order: Order): Promise<Order> {
  const { account, book, csr, now, signal } = run
  book.change({ isFinalized: true, since: now() })
  try {
    return await finalize(account, { order, csr }, signal)
  } catch (thrown) {
    signal.throwIfAborted()
    // it was finalized between the look and this: by us, and the answer came late, or by another request
    if (problemOfFault(asFault(thrown))?.type !== 'orderNotReady') throw thrown
    return getOrder(account, order.url, signal)
  }
}

/**
 * CAs give the same order to requests for the same names while it is pending, also to those for another key: who comes
 * second begins again.
 */
function takenByAnother(run: Run, order: Order): Promise<Progress> {
  return begunAgain(run, order, 'another request has used the order')
}

async function begunAgain(run: Run, { url }: Pick<Order, 'url'>, why: string): Promise<Progress> {
  const { account, book, now, signal } = run
  const { left, trouble } = await removeAnswers(run, signal)
  if (left > 0 && !trouble) return { state: 'pending', againAt: now(), why: 'answers are taken away' }
  const { past, proofs } = book.notes
  if (past.length >= mostPast) {
    throw new Fault(
      'acme-conflict',
      `${past.length + 1} orders at the CA ${account.ca.name} came to nothing, the last because ${why}. See what else uses the account.`,
      { orders: past.length + 1 }
    )
  }
  book.change({
    orderUrl: null,
    givenUp: null,
    placed: 0,
    past: [...past, url],
    wasAway: false,
    proven: [],
    // those that could not be taken away yet
    proofs: proofs.map((proof) => ({ ...proof, isAnswered: true })),
    isFinalized: false
  })
  return { state: 'pending', againAt: now(), why: `${why}: a new one is placed` }
}

async function received(run: Run, order: Order & { readonly status: 'valid' }): Promise<Progress> {
  const { account, book, request, settings, signal, log, now } = run
  const { left, trouble } = await removeAnswers(run, signal)
  if (left > 0 && !trouble) return { state: 'pending', againAt: now(), why: 'answers are taken away' }
  if (trouble) log.warn('acme-answers-left', { names: namesLeft(book), why: trouble.message })
  const preferred = request.preferredChain ?? settings.preferredChain
  const wanted = {
    url: order.certificateUrl,
    ...(preferred === undefined ? {} : { preferredIssuer: preferred })
  }
  const { chain, isPreferred, offered } = await downloadCertificate(account, wanted, signal)
  const [leaf] = chain.certificates
  if (leaf && readCertificate(leaf).spki !== run.spki) return takenByAnother(run, order)
  if (!isPreferred) log.warn('acme-chain-missing', { preferred: preferred ?? '', offered })
  return { state: 'issued', chain: chain.certificates, key: null }
}

function namesLeft({ notes }: OrderBook): string[] {
  return notes.proofs.map(({ name }) => name)
}

async function whyInvalid(run: Run, order: Order): Promise<Fault> {
  const ca = run.account.ca.name
  const told = await explainFailure(order, run, run.signal)
  if (told) return told
  const names = run.request.names.slice(0, 5).join(', ')
  const problem = order.status === 'invalid' ? order.problem : null
  if (problem) return problemFault(problem, { ca, what: `the order for ${names}` })
  return new Fault(
    'acme-validation',
    `The CA ${ca} has given up the order for ${names}, and does not say why. Order again.`
  )
}

/** What only a person can mend ends the order; what it has put in place is taken away first. */
async function failed(run: Run, thrown: unknown): Promise<Progress> {
  run.signal.throwIfAborted()
  const fault = asFault(thrown)
  if (faultKinds[fault.kind].retry || fault.kind === 'bug') throw thrown
  if (run.book.notes.proofs.length === 0) throw fault
  run.book.change({ failure: { code: fault.code, message: fault.message, cleanups: 0 } })
  return ended(run)
}

const mostCleanups = 5
const cleanupWaitMs = 30_000

async function ended(run: Run): Promise<Progress> {
  const { book, now, signal, log } = run
  const { failure } = book.notes
  if (!failure) throw new Error('an order that has not failed has not ended')
  const { left, trouble } = await removeAnswers(run, signal)
  if (left === 0) throw failureOf(failure)
  const why = `the order has failed, its answers are taken away first: ${failure.message}`
  if (!trouble) return { state: 'pending', againAt: now(), why }
  const isHopeless = !faultKinds[trouble.kind].retry || failure.cleanups >= mostCleanups
  if (isHopeless) {
    log.warn('acme-answers-left', { names: namesLeft(book), why: trouble.message })
    throw failureOf(failure)
  }
  book.change({ failure: { ...failure, cleanups: failure.cleanups + 1 } })
  return { state: 'pending', againAt: now() + cleanupWaitMs * 2 ** failure.cleanups, why }
}
