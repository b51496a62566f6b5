import type { Secret } from '../../core/secret.ts'
import { visible } from '../../core/text.ts'
import type { Binding } from '../../connectors/contract.ts'
import type { Given } from './given.ts'
import { reachesOf } from './reaches.ts'

const mostText = 4_000
const ipv4 = /\b\d{1,3}(?:\.\d{1,3}){3}\b/g
const ipv6 = /(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])/gi
const hostName = /\b(?:[a-z0-9_*](?:[\w-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]\b/gi

/**
 * Text of a report: no credential, nothing that acts on a terminal, and, where a person wants it, placeholders for
 * addresses, names and objects, the same one each time.
 */
export class Redaction {
  readonly #secrets: readonly string[]
  readonly #hides: boolean
  readonly #known = new Map<string, string>()
  readonly #counts = new Map<string, number>()

  constructor(given: Given) {
    this.#secrets = [...given.secrets.values()].flatMap(linesOf)
    this.#hides = given.names === 'redacted'
    for (const { host } of reachesOf(given.connector.id, given.settings)) this.#learn('address', host)
  }

  /** From now on these are placeholders, too. */
  learn(bindings: readonly Binding[]): void {
    for (const { target, served, slots, shares } of bindings) {
      this.#learn('target', target)
      for (const { object, names } of slots) {
        this.#learn('object', object)
        for (const name of names) this.#learn('name', name)
      }
      for (const { address, name } of served) {
        this.#learn('address', address)
        if (name !== null) this.#learn('name', name)
      }
      for (const name of shares.flatMap(({ names }) => names)) this.#learn('name', name)
    }
  }

  /** Text as it may be shown. */
  shown(text: string): string {
    let shown = text
    for (const secret of this.#secrets) shown = shown.replaceAll(secret, '[secret]')
    shown = shown.replaceAll(/-----BEGIN [\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g, '[PEM]')
    return visible(this.#hides ? this.#hidden(shown) : shown, mostText)
  }

  #hidden(text: string): string {
    let hidden = text
    const longestFirst = [...this.#known].toSorted(([one], [other]) => other.length - one.length)
    for (const [word, instead] of longestFirst) hidden = hidden.replaceAll(word, instead)
    return hidden
      .replaceAll(ipv4, (word) => this.#learn('address', word))
      .replaceAll(ipv6, (word) => this.#learn('address', word))
      .replaceAll(hostName, (word) => this.#learn('name', word))
  }

  #learn(kind: string, word: string): string {
    if (word === '') return word
    const known = this.#known.get(word)
    if (known !== undefined) return known
    const count = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, count)
    const instead = `<${kind}-${count}>`
    this.#known.set(word, instead)
    return instead
  }
}

/** what must not be shown of a secret: itself, or each line of a key; what is too short to be one is no word */
function linesOf(secret: Secret): readonly string[] {
  const lines = secret.reveal().split('\n')
  return lines.length > 1
    ? lines.filter((line) => line.length >= 16)
    : lines.filter((line) => line.length >= 4)
}
