import type { OrderMemory } from '../issuance/issuer.ts'
import type { OrderRow } from '../store/orders.ts'
import type { EngineContext } from './context.ts'

/** What an issuer remembers of an order, in the store: each write is on the disk when it returns. */
export function memoryOf({ store }: EngineContext, { id, memory }: OrderRow): OrderMemory {
  let known = memory
  return {
    read: () => known,
    write(text) {
      store.durable(() => store.orders.change(id, { memory: text }, null))
      known = text
    }
  }
}
