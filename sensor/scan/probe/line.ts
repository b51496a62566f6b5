/** What a connection tells its owner. Exactly one of `onEnd` and `onFail` comes, and at most once. */
export interface LineHandler {
  /** the connection stands */
  onOpen(): void
  /** bytes arrived; the view is valid during the call only */
  onBytes(bytes: Uint8Array): void
  /** the peer closed its side (FIN) */
  onEnd(): void
  /** the connection failed: an errno name such as ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EMFILE */
  onFail(code: string): void
}

/** One TCP connection that is being made or stands. After `abort()` its handler hears nothing more. */
export interface Line {
  send(bytes: Uint8Array): void
  /** ends the connection at once by a reset (RST), so that neither side keeps state; safe to repeat */
  abort(): void
}

/**
 * Makes TCP connections: the port behind which the scan's two ways to the network stand, the low-level
 * handle and the supported one.
 */
export interface Dialer {
  readonly kind: 'handle' | 'socket'
  /** begins to connect; local refusals (no free port, no file descriptor) also come by `onFail` */
  dial(address: string, port: number, handler: LineHandler): Line
}
