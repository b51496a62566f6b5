import { hash } from 'node:crypto'
import type { TSchema, Static } from 'typebox'
import { Fault } from '../../core/fault.ts'
import { parser } from '../../core/schema.ts'
import type { CertificateRequest, OrderMemory } from './issuer.ts'

/** SHA-256 over all that a request asks for, hex: an order that was begun for another one is not gone on with. */
export function digestOf({ names, csr, validityMs, issuerProfile }: CertificateRequest): string {
  const asked = { names, csr: csr && Buffer.from(csr).toString('base64'), validityMs, issuerProfile }
  return hash('sha256', JSON.stringify(asked), 'hex')
}

/**
 * A reader of what an issuer remembers, in the form of its schema, which has the field `digest` for the request that it
 * was begun for; null stands for whichever that was. Gives null: nothing yet. Faults: order-changed (it was begun for another request), store-corrupt.
 */
export function memoryReader<const S extends TSchema>(
  schema: S
): (memory: OrderMemory, digest: string | null) => Static<S> | null {
  const parse = parser(schema, 'store-corrupt')
  return (memory, digest) => {
    const text = memory.read()
    if (text === null) return null
    const value: Static<S> = parse(json(text))
    if (digest === null || (value as { readonly digest?: unknown }).digest === digest) return value
    throw new Fault(
      'order-changed',
      'The order was begun for a request with other names, another key or another validity. Begin a new one.'
    )
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
