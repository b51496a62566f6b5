import { Type, type Static } from 'typebox'
import { Fault, faultCodes, type FaultCode } from '../../core/fault.ts'
import type { OrderMemory } from './issuer.ts'
import { memoryReader } from './order-memory.ts'

const nullable = <const S extends Parameters<typeof Type.Array>[0]>(schema: S) =>
  Type.Union([schema, Type.Null()])

/** A challenge that is answered here, until its answer is taken away. Nothing in it is secret. */
export const Proof = Type.Object({
  /** URLs of the authorization and of the challenge */
  authorization: Type.String(),
  challenge: Type.String(),
  type: Type.Enum(['http-01', 'dns-01']),
  name: Type.String(),
  token: Type.String(),
  keyAuthorization: Type.String(),
  record: Type.Optional(Type.String()),
  /** when the CA can be told to look, milliseconds since the epoch; null: the answer may not be in place */
  visibleAt: nullable(Type.Number()),
  /** has the CA been told to look? */
  isAnswered: Type.Boolean()
})
export type Proof = Static<typeof Proof>

const OrderNotes = Type.Object({
  digest: Type.String(),
  /** requests for a new order that may have reached the CA since its URL was known last */
  placed: Type.Integer({ minimum: 0 }),
  orderUrl: nullable(Type.String()),
  /** URLs of orders that came to nothing, through no fault of the request */
  past: Type.Array(Type.String()),
  /** can the CA have looked for an answer while no process was there to give it? */
  wasAway: Type.Boolean(),
  /** is the certificate named that is replaced? The CA may not want it */
  replaces: Type.Boolean(),
  /** URLs of authorizations that need nothing more */
  proven: Type.Array(Type.String()),
  /** answers that may be in place */
  proofs: Type.Array(Proof),
  /** a finalization may have reached the CA */
  isFinalized: Type.Boolean(),
  /** the order is given up: answers that could not be taken away so often, and authorizations that need no look any more */
  givenUp: Type.Optional(
    nullable(
      Type.Object({ cleanups: Type.Integer({ minimum: 0 }), authorizations: Type.Array(Type.String()) })
    )
  ),
  /** when the CA was given something to do, milliseconds since the epoch */
  since: Type.Number(),
  /** why nothing will come of it; the answers are taken away before it is told */
  failure: nullable(
    Type.Object({ code: Type.String(), message: Type.String(), cleanups: Type.Integer({ minimum: 0 }) })
  )
})

/** What is remembered of an order. */
export type OrderNotes = Static<typeof OrderNotes>

const read = memoryReader(OrderNotes)

/** The notes of one order: what is changed is durable before the act that it stands for. */
export interface OrderBook {
  readonly notes: OrderNotes
  change(more: Partial<OrderNotes>): void
}

/** Opens what is remembered of the order for a request. Faults: order-changed, store-corrupt. */
export function openBook(memory: OrderMemory, digest: string, now: number): OrderBook {
  return bookOf(memory, read(memory, digest) ?? emptyNotes(digest, now))
}

/** Opens what is remembered of an order, whatever it was for; null: nothing. Throws store-corrupt. */
export function openKeptBook(memory: OrderMemory): OrderBook | null {
  const notes = read(memory, null)
  return notes && bookOf(memory, notes)
}

function emptyNotes(digest: string, now: number): OrderNotes {
  return {
    digest,
    placed: 0,
    orderUrl: null,
    past: [],
    wasAway: false,
    replaces: true,
    proven: [],
    proofs: [],
    isFinalized: false,
    since: now,
    failure: null
  }
}

function bookOf(memory: OrderMemory, first: OrderNotes): OrderBook {
  let notes = first
  return {
    get notes() {
      return notes
    },
    change(more) {
      const next = { ...notes, ...more }
      memory.write(JSON.stringify(next))
      notes = next
    }
  }
}

/** The fault that an order ended with. */
export function failureOf({ code, message }: NonNullable<OrderNotes['failure']>): Fault {
  return new Fault(Object.hasOwn(faultCodes, code) ? (code as FaultCode) : 'acme-refused', message)
}
