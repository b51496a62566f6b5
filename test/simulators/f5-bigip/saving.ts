import type { Clock } from '../../../core/clock.ts'
import { type JsonObject, listOf, textOf } from './json.ts'
import { badProperty, busy } from './refusal.ts'
import type { System } from './system.ts'

/** tm sys config: save and load. One at a time; a second one meanwhile is told to come again. */
export class Saving {
  readonly #system: System
  readonly #clock: Clock
  readonly #takesMs: number
  #isUnderWay = false

  constructor(system: System, { clock, takesMs }: { readonly clock: Clock; readonly takesMs: number }) {
    this.#system = system
    this.#clock = clock
    this.#takesMs = takesMs
  }

  async run(body: JsonObject): Promise<JsonObject> {
    const command = textOf(body, 'command')
    if (command !== 'save' && command !== 'load') throw badProperty('command')
    if (this.#isUnderWay) throw busy()
    this.#isUnderWay = true
    try {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#clock.after(this.#takesMs, resolve)
      await promise
      if (command === 'load') await this.#system.load('here')
      else this.#system.save(partitionsOf(body))
    } finally {
      this.#isUnderWay = false
    }
    return { kind: `tm:sys:config:${command}state`, ...body }
  }
}

/** options: [{"partitions": "{ Common Shop }"}] */
function partitionsOf(body: JsonObject): string[] | null {
  for (const option of listOf(body, 'options') ?? []) {
    const text = (option as JsonObject | null)?.['partitions']
    if (typeof text === 'string' && text !== 'all') return text.replace(/[{}]/g, ' ').trim().split(/\s+/)
  }
  return null
}
