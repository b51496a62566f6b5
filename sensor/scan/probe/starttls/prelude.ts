/** What a prelude makes of the bytes that came. */
export type PreludeStep =
  /** wait for more; `send` goes out first */
  | { readonly kind: 'wait'; readonly send?: Uint8Array }
  /** the peer is ready for the hello; `send` goes out right before it */
  | { readonly kind: 'tls'; readonly send?: Uint8Array }
  /** the protocol is this one, but TLS is not offered or was refused */
  | { readonly kind: 'refused' }
  /** the peer speaks something else */
  | { readonly kind: 'alien' }

/**
 * The clear-text talk before the ClientHello of one protocol. One instance serves one connection. What it
 * may receive is bounded by {@link preludeLimit}.
 */
export interface Prelude {
  /** what we say first, or null where the server begins */
  readonly first: Uint8Array | null
  /** takes bytes as they come, in any pieces */
  feed(bytes: Uint8Array): PreludeStep
  /** set where a cut handshake counts against us: it is finished, and this is said within TLS */
  closing?(): Closing
  /** packs TLS records for protocols that carry them in their own packets */
  wrap?(records: Uint8Array): Uint8Array
  /** unpacks what the server sends once TLS began; undefined when the packets are broken */
  unwrap?(bytes: Uint8Array): Uint8Array | undefined
}

/** What is said within a finished TLS handshake until the server has had its say. One instance serves one connection. */
export interface Closing {
  /** takes what the server says, nothing at first; gives what to answer (nothing: wait), or null when it is over */
  feed(bytes: Uint8Array): Uint8Array | null
}

/** Bytes of clear text that a server may send before TLS: no real one comes near, and some are read again and again. */
export const preludeLimit = 16_384

export const wait: PreludeStep = { kind: 'wait' }
export const ready: PreludeStep = { kind: 'tls' }
export const refused: PreludeStep = { kind: 'refused' }
export const alien: PreludeStep = { kind: 'alien' }

/** Collects bytes until a whole unit has come; bounded by its caller through {@link preludeLimit}. */
export class Inbox {
  #bytes = Buffer.alloc(0)

  add(bytes: Uint8Array): Buffer {
    this.#bytes = this.#bytes.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#bytes, bytes])
    return this.#bytes
  }

  drop(count: number): void {
    this.#bytes = this.#bytes.subarray(count)
  }
}
