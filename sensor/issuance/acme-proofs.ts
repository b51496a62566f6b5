import { getAuthorization, respond, type Authorization } from '../../acme/client/authorizations.ts'
import type { Order } from '../../acme/client/orders.ts'
import type { AcmeAccount } from '../../acme/client/post.ts'
import { explainProblem, problemFault } from '../../acme/client/refusals.ts'
import type { AcmeProblem } from '../../acme/messages/problem.ts'
import { keyAuthorization } from '../../acme/messages/key-authorization.ts'
import { asFault, Fault } from '../../core/fault.ts'
import type { Log } from '../../core/log.ts'
import { visible } from '../../core/text.ts'
import type { OrderBook, Proof } from './acme-order-memory.ts'
import type { ProofRule } from './acme-settings.ts'
import type { SolverMaker } from './solvers/settings.ts'
import type { Solver } from './solvers/solver.ts'

/** What proving takes. */
export interface ProofTools {
  readonly account: AcmeAccount
  readonly book: OrderBook
  readonly rules: readonly ProofRule[]
  readonly solver: SolverMaker
  /** tokens that this process has presented: what a listener answers is gone after a crash */
  readonly presented: Set<string>
  readonly log: Log
  readonly now: () => number
}

/** names that are looked at in one call, so that it stays short */
const atOnce = 5

/** How far the proofs of an order are: when to go on, milliseconds since the epoch, or that the CA has all it needs. */
export type ProofStep = { readonly goOnAt: number; readonly why: string } | 'answered'

/**
 * Goes on with proving the names of an order that is pending: answers are noted, then put in place, and the CA is told
 * to look when they can be seen. Each call does this for a few names. Faults: challenge-unfit, acme-validation, those of
 * solvers.
 */
export async function proveNames(order: Order, tools: ProofTools, signal: AbortSignal): Promise<ProofStep> {
  const { book, now } = tools
  const gone = book.notes.proofs.filter((proof) => isGone(proof, tools))
  if (wasAway(tools) && !book.notes.wasAway) book.change({ wasAway: true })
  for (const proof of gone.slice(0, atOnce)) await present(proof, tools, signal)
  if (gone.length > atOnce) return { goOnAt: now(), why: `${gone.length - atOnce} answers are put back` }
  const begun = new Set([...book.notes.proven, ...book.notes.proofs.map((one) => one.authorization)])
  const fresh = order.authorizationUrls.filter((url) => !begun.has(url))
  if (fresh.length > 0) await begin(fresh.slice(0, atOnce), tools, signal)
  if (fresh.length > atOnce)
    return { goOnAt: now(), why: `${fresh.length - atOnce} names are still to be proved` }
  const open = book.notes.proofs.filter(({ isAnswered }) => !isAnswered)
  const due = open.filter(({ visibleAt }) => visibleAt !== null && visibleAt <= now())
  for (const proof of due.slice(0, atOnce)) await answer(proof, tools, signal)
  if (due.length > atOnce) return { goOnAt: now(), why: `the CA is told of ${open.length - atOnce} more` }
  const waiting = open.flatMap(({ visibleAt }) =>
    visibleAt !== null && visibleAt > now() ? [visibleAt] : []
  )
  if (waiting.length === 0) return 'answered'
  return { goOnAt: Math.max(...waiting), why: 'the answers to the challenges spread in DNS' }
}

/** was it presented by a process that is gone, or not to its end? */
function isGone({ token, visibleAt }: Proof, { presented }: ProofTools): boolean {
  return visibleAt === null || !presented.has(token)
}

/** Can the CA have looked for an answer while no process was there to give it? */
export function wasAway({ book, presented }: ProofTools): boolean {
  const { notes } = book
  return (
    notes.wasAway ||
    notes.proofs.some(({ type, token, visibleAt }) => {
      return type === 'http-01' && visibleAt !== null && !presented.has(token)
    })
  )
}

async function begin(urls: readonly string[], tools: ProofTools, signal: AbortSignal): Promise<void> {
  const { book, account } = tools
  const proven: string[] = []
  const proofs: Proof[] = []
  for (const url of urls) {
    const authorization = await getAuthorization(account, url, signal)
    if (authorization.status === 'valid') proven.push(url)
    else if (authorization.status === 'pending') proofs.push(proofOf(authorization, tools))
    else throw rejected(tools, [authorization])
  }
  book.change({
    proven: [...book.notes.proven, ...proven],
    proofs: [...book.notes.proofs, ...proofs]
  })
  for (const proof of proofs) await present(proof, tools, signal)
}

async function present(proof: Proof, tools: ProofTools, signal: AbortSignal): Promise<void> {
  const solver = solverOf(proof, tools)
  if (!solver) throw noRule(proof.name, [proof.type])
  const { visibleAt } = await solver.present(proof, signal)
  tools.presented.add(proof.token)
  changeProof(tools.book, { ...proof, visibleAt })
}

/** The CA does not take an answer twice: one that it may have got is looked after first. */
async function answer(proof: Proof, tools: ProofTools, signal: AbortSignal): Promise<void> {
  const { account, book, now } = tools
  const authorization = await getAuthorization(account, proof.authorization, signal)
  const challenge = authorization.challenges.find(({ url }) => url === proof.challenge)
  if (authorization.status === 'pending' && challenge?.status === 'pending') {
    await respond(account, challenge, signal)
  }
  changeProof(book, { ...proof, isAnswered: true }, now())
}

function changeProof(book: OrderBook, proof: Proof, since = book.notes.since): void {
  const proofs = book.notes.proofs.map((one) => (one.token === proof.token ? proof : one))
  book.change({ since, proofs })
}

function proofOf(authorization: Authorization, tools: ProofTools): Proof {
  const { identifier, isWildcard, url, challenges, offered } = authorization
  const name = identifier.value.toLowerCase().replace(/\.$/, '')
  const asked = isWildcard ? `*.${name}` : name
  const rules = tools.rules.filter(({ names }) => names.some((pattern) => fits(pattern, asked)))
  for (const rule of rules) {
    const { type } = tools.solver(rule.solver)
    if (type === 'none') throw notValidated(asked)
    for (const challenge of challenges) {
      if (challenge.type !== type || !('token' in challenge)) continue
      const { token } = challenge
      return {
        authorization: url,
        challenge: challenge.url,
        type,
        name,
        token,
        keyAuthorization: keyAuthorization(token, tools.account.key.thumbprint),
        ...(rule.record === undefined ? {} : { record: rule.record.replaceAll('{name}', name) }),
        visibleAt: null,
        isAnswered: false
      }
    }
  }
  throw noRule(asked, offered)
}

/** Does a name, `*.` before it for a wildcard, fit a pattern of a rule? */
export function fits(pattern: string, name: string): boolean {
  return pattern === '*' || pattern === name || (pattern.startsWith('*.') && name.endsWith(pattern.slice(1)))
}

/** the solver of a proof by the rules as they are now; undefined: they have changed */
function solverOf(
  { type, name, record }: Proof,
  { rules, solver }: Pick<ProofTools, 'rules' | 'solver'>
): Solver | undefined {
  const rule = rules.find(
    (one) =>
      one.names.some((pattern) => fits(pattern, name) || fits(pattern, `*.${name}`)) &&
      solver(one.solver).type === type &&
      (one.record?.replaceAll('{name}', name) ?? undefined) === record
  )
  return rule && solver(rule.solver)
}

/**
 * Takes answers away that may be in place, a few in one call. How many are left, and the first trouble: those that it
 * was about are left too.
 */
export async function removeAnswers(
  tools: Omit<ProofTools, 'account'>,
  signal: AbortSignal
): Promise<{ readonly left: number; readonly trouble: Fault | null }> {
  const { book, log } = tools
  let trouble: Fault | null = null
  const removed = new Set<string>()
  for (const proof of book.notes.proofs.slice(0, atOnce)) {
    try {
      await solverOf(proof, tools)?.cleanup(proof, signal)
      tools.presented.delete(proof.token)
      removed.add(proof.token)
    } catch (thrown) {
      signal.throwIfAborted()
      trouble ??= asFault(thrown)
      log.debug('acme-answer-left', { name: proof.name, type: proof.type, why: asFault(thrown).message })
    }
  }
  if (removed.size > 0) {
    const { notes } = book
    book.change({
      proven: [
        ...notes.proven,
        ...notes.proofs.filter((one) => removed.has(one.token)).map((one) => one.authorization)
      ],
      proofs: notes.proofs.filter(({ token }) => !removed.has(token))
    })
  }
  return { left: book.notes.proofs.length, trouble }
}

/** authorizations that are looked at to explain a failure */
const mostExplained = 20

/** Why an order is invalid, as its authorizations tell; null when none of them does. */
export async function explainFailure(
  order: Order,
  tools: ProofTools,
  signal: AbortSignal
): Promise<Fault | null> {
  const failed: Authorization[] = []
  for (const url of order.authorizationUrls.slice(0, mostExplained)) {
    const authorization = await getAuthorization(tools.account, url, signal)
    if (authorization.status !== 'valid' && authorization.status !== 'pending') failed.push(authorization)
  }
  return failed.length === 0 ? null : rejected(tools, failed)
}

function rejected({ account }: ProofTools, failed: readonly Authorization[]): Fault {
  const ca = account.ca.name
  const names = failed.map(({ identifier, isWildcard }) => `${isWildcard ? '*.' : ''}${identifier.value}`)
  const told = failed.flatMap(({ challenges }, at) =>
    challenges.flatMap(({ problem, type }) =>
      problem ? [{ problem: inProof(problem), type, name: names[at] ?? '' }] : []
    )
  )
  const [first] = told
  if (first && told.length === 1) {
    const { code, message } = problemFault(first.problem, {
      ca,
      what: `the proof of ${first.name} (${first.type})`
    })
    return new Fault(code, message, { names })
  }
  const each = told.map(({ problem, type, name }) => `${name} (${type}): ${explainProblem(problem)}`)
  const states = failed.map(({ status }, at) => `${names[at] ?? ''} is ${status}.`)
  return new Fault(
    'acme-validation',
    `The CA ${ca} refuses the proof of ${names.join(', ')}: ${(each.length > 0 ? each : states).join(' ')}`,
    { names }
  )
}

/** CAs say `unauthorized` of what they found at the place of validation, which is nothing about the account */
function inProof(problem: AcmeProblem): AcmeProblem {
  return problem.type === 'unauthorized' ? { ...problem, type: 'incorrectResponse' } : problem
}

function notValidated(name: string): Fault {
  return new Fault(
    'challenge-unfit',
    `The CA wants a proof for ${visible(name)}, which should be validated with it already. ` +
      'Validate the name there, or choose a way to prove it.',
    { name: visible(name) }
  )
}

function noRule(name: string, offered: readonly string[]): Fault {
  return new Fault(
    'challenge-unfit',
    `There is no way to prove ${visible(name)}: the CA offers ${offered.join(', ') || 'nothing'}. ` +
      'Add a rule to proofs that covers the name by one of these.',
    { name: visible(name), offered }
  )
}
