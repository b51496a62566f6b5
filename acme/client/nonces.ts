import type { Clock } from '../../core/clock.ts'
import { isNonce } from '../messages/jws.ts'

/** Nonces that a CA gave and that are not used yet (RFC 8555 §6.5). */
export interface NoncePool {
  /** the newest that is not old, used up by this */
  take(): string | undefined
  /** keeps what a Replay-Nonce header says, if it is a nonce */
  add(header: string | undefined): void
  /** forgets all: the CA refused one, and those beside it are as old */
  clear(): void
}

const most = 16
// CAs keep a nonce for some minutes at least; an older one mostly costs a refusal
const oldAfterMs = 5 * 60_000

/** An empty pool. */
export function createNoncePool(clock: Clock): NoncePool {
  let nonces: { readonly nonce: string; readonly since: number }[] = []
  return {
    take() {
      const newest = nonces.pop()
      if (newest && clock.ticks() - newest.since <= oldAfterMs) return newest.nonce
      nonces = []
      return undefined
    },
    add(header) {
      if (!isNonce(header)) return
      nonces.push({ nonce: header, since: clock.ticks() })
      if (nonces.length > most) nonces.shift()
    },
    clear() {
      nonces = []
    }
  }
}
