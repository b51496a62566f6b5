import type { Account } from './accounts.ts'
import type { Json, JsonObject } from './json.ts'
import { isObject, numberOf } from './json.ts'
import type { Command } from './objects.ts'
import { badProperty, framework, Refusal } from './refusal.ts'
import { link } from './resource.ts'
import { isSince } from './version.ts'

/** seconds without a further command before it is dropped */
const usualTimeout = { before12: 30, since12: 120 }

/** A command that waits. */
interface Queued {
  readonly commandId: number
  readonly command: Command
  readonly uri: string
}

interface Transaction {
  readonly transId: number
  timeoutSeconds: number
  lastUsed: number
  state: 'STARTED' | 'COMPLETED' | 'FAILED'
  failureReason: string
  validateOnly: boolean
  lastCommandId: number
  /** in the order in which they will be done */
  queue: Queued[]
}

/** Does the commands, all or none. */
export type Commit = (work: {
  readonly commands: readonly Command[]
  readonly caller: Account
  readonly isOnlyTried: boolean
}) => Promise<unknown>

/** What the transactions need of their unit. */
export interface TransactionWorld {
  readonly version: string
  readonly now: () => number
  readonly commit: Commit
}

/** A request below /mgmt/tm/transaction. */
export interface TransactionRequest {
  readonly method: string
  /** below transaction */
  readonly segments: readonly string[]
  readonly body: JsonObject
  readonly caller: Account
}

/** tm transaction: commands that wait, and are done together. */
export class Transactions {
  readonly #world: TransactionWorld
  readonly #all = new Map<string, Transaction>()
  #last = 0

  constructor(world: TransactionWorld) {
    this.#world = world
  }

  /** ids of those that are open */
  get open(): number[] {
    this.#dropOld()
    return [...this.#all.values()].filter(({ state }) => state === 'STARTED').map(({ transId }) => transId)
  }

  /** Puts a command behind the others of its transaction. */
  queue(id: string, command: Command, uri: string): JsonObject {
    const transaction = this.#find(id)
    if (transaction.state !== 'STARTED') throw notStarted(transaction)
    transaction.lastUsed = this.#world.now()
    transaction.lastCommandId += 1
    const queued = { commandId: transaction.lastCommandId, command, uri }
    transaction.queue.push(queued)
    return this.#shownCommand(transaction, queued)
  }

  async answer({ method, segments, body, caller }: TransactionRequest): Promise<JsonObject | null> {
    const [id, commands, commandId, ...rest] = segments
    if (rest.length > 0 || (commands !== undefined && commands !== 'commands')) {
      throw framework(404, `Public URI path not registered: /tm/transaction/${segments.join('/')}`)
    }
    if (id === undefined) return this.#collection(method)
    const transaction = this.#find(id)
    if (commands !== undefined) return this.#below(transaction, { method, body, commandId })
    if (method === 'GET') return this.#shown(transaction)
    if (method === 'DELETE') {
      this.#all.delete(id)
      return null
    }
    if (method !== 'PATCH') throw framework(405, `Method ${method} not allowed`)
    return this.#changed(transaction, body, caller)
  }

  forgetAll(): void {
    this.#all.clear()
  }

  async #changed(transaction: Transaction, body: JsonObject, caller: Account): Promise<JsonObject> {
    transaction.timeoutSeconds = numberOf(body, 'timeoutSeconds') ?? transaction.timeoutSeconds
    const state = body['state']
    if (state === undefined) return this.#shown(transaction)
    if (state !== 'VALIDATING') throw badProperty('state')
    if (transaction.state !== 'STARTED') throw notStarted(transaction)
    if (transaction.queue.length === 0) {
      throw new Refusal(400, 'there is no command to commit in the transaction', { apiError: 2 })
    }
    transaction.validateOnly = body['validateOnly'] === true
    try {
      const commands = transaction.queue.map(({ command }) => command)
      await this.#world.commit({ commands, caller, isOnlyTried: transaction.validateOnly })
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown
      transaction.state = 'FAILED'
      transaction.failureReason = thrown.message
      throw new Refusal(thrown.status, `transaction failed:${thrown.message}`, { apiError: 2 })
    }
    transaction.state = 'COMPLETED'
    return this.#shown(transaction)
  }

  #collection(method: string): JsonObject {
    if (method === 'GET') {
      this.#dropOld()
      const items = [...this.#all.values()].map((one) => this.#shown(one))
      return {
        kind: 'tm:transactioncollectionstate',
        selfLink: link('transaction', this.#world.version),
        ...(items.length > 0 ? { items } : {})
      }
    }
    if (method !== 'POST') throw framework(405, `Method ${method} not allowed`)
    const now = this.#world.now()
    // ids look like the microseconds at which they were made, and never come twice
    this.#last = Math.max(this.#last + 1, now * 1000)
    const transaction: Transaction = {
      transId: this.#last,
      timeoutSeconds: isSince(this.#world.version, '12.0') ? usualTimeout.since12 : usualTimeout.before12,
      lastUsed: now,
      state: 'STARTED',
      failureReason: '',
      validateOnly: false,
      lastCommandId: 0,
      queue: []
    }
    this.#all.set(String(transaction.transId), transaction)
    return this.#shown(transaction)
  }

  #below(
    transaction: Transaction,
    { method, body, commandId }: { method: string; body: JsonObject; commandId: string | undefined }
  ): JsonObject | null {
    if (commandId === undefined) {
      if (method !== 'GET') throw framework(405, `Method ${method} not allowed`)
      const items = transaction.queue.map((one) => this.#shownCommand(transaction, one))
      return {
        kind: 'tm:transaction:commandscollectionstate',
        selfLink: link(`transaction/${transaction.transId}/commands`, this.#world.version),
        ...(items.length > 0 ? { items } : {})
      }
    }
    const queued = transaction.queue.find((one) => String(one.commandId) === commandId)
    if (!queued) throw new Refusal(404, `There is no command with id (${commandId}) in the transaction.`)
    transaction.lastUsed = this.#world.now()
    const others = transaction.queue.filter((one) => one !== queued)
    if (method === 'DELETE') {
      transaction.queue = others
      return null
    }
    if (method === 'PATCH') {
      const order = numberOf(body, 'evalOrder')
      if (order === undefined || order < 1 || order > transaction.queue.length) throw badProperty('evalOrder')
      transaction.queue = [...others.slice(0, order - 1), queued, ...others.slice(order - 1)]
    }
    return this.#shownCommand(transaction, queued)
  }

  #find(id: string): Transaction {
    this.#dropOld()
    const found = this.#all.get(id)
    if (!found) throw new Refusal(404, `There is no transaction with id (${id}).`)
    return found
  }

  #dropOld(): void {
    const now = this.#world.now()
    for (const [id, { lastUsed, timeoutSeconds }] of this.#all) {
      if (now >= lastUsed + timeoutSeconds * 1000) this.#all.delete(id)
    }
  }

  #shown({ transId, state, timeoutSeconds, failureReason, validateOnly }: Transaction): JsonObject {
    return {
      transId,
      state,
      timeoutSeconds,
      asyncExecution: false,
      validateOnly,
      executionTimeout: 300,
      executionTime: 0,
      failureReason,
      kind: 'tm:transactionstate',
      selfLink: link(`transaction/${transId}`, this.#world.version)
    }
  }

  #shownCommand({ transId, queue }: Transaction, queued: Queued): JsonObject {
    const { commandId, command, uri } = queued
    const body: Json = isObject(command.body) ? command.body : {}
    return {
      method: command.method,
      uri: `https://localhost${uri}`,
      body,
      evalOrder: queue.indexOf(queued) + 1,
      commandId,
      transId,
      kind: 'tm:transaction:commandsstate',
      selfLink: link(`transaction/${transId}/commands/${commandId}`, this.#world.version)
    }
  }
}

function notStarted({ transId, state }: Transaction): Refusal {
  return new Refusal(400, `The transaction (${transId}) is ${state}, not STARTED.`, { apiError: 2 })
}
