import { openHandleDialer } from './handle-dialer.ts'
import type { Dialer } from './line.ts'
import { openSocketDialer } from './socket-dialer.ts'

/** `auto`: the low-level handle where this Node has it, else net.Socket. */
export type DialerChoice = 'auto' | 'socket'

/** The way to the network. */
export function openDialer(choice: DialerChoice): Dialer {
  return (choice === 'auto' ? openHandleDialer() : undefined) ?? openSocketDialer()
}
