import { inspect } from 'node:util'

/**
 * A value that must not be shown: it prints as `[secret]` everywhere and has no JSON form. `reveal()` is
 * easy to search for, and allowed only where something is signed or sent.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The value itself. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}
