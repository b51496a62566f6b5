import { Refusal } from './refusal.ts'

/** How a request goes wrong. */
export type Mishap =
  /** not done; the device's own words */
  | { readonly does: 'refuse'; readonly status: number; readonly message: string; readonly apiError?: number }
  /** not done; an HTML page with 503, as while the GUI restarts */
  | { readonly does: 'busy-page' }
  /** done; 500 AsyncContext timeout */
  | { readonly does: 'time-out' }
  /** not done; the connection breaks */
  | { readonly does: 'drop-before' }
  /** done; the connection breaks */
  | { readonly does: 'drop-after' }
  /** done, and answered later */
  | { readonly does: 'delay'; readonly ms: number }
  /** done, and never answered: the connection stays open */
  | { readonly does: 'hang' }
  /** done; 200 with bytes that are no JSON */
  | { readonly does: 'garbage' }
  /** done; the first half of the JSON, as if it were all */
  | { readonly does: 'truncated' }
  /** done; the connection breaks in the middle of the answer */
  | { readonly does: 'break-off' }
  /** something else happens first: another administrator, a reboot, a cut cable */
  | { readonly does: 'meanwhile'; readonly run: () => void | Promise<void> }

/** Which requests, and what happens to them. */
export type Fault = Mishap & {
  /** default: any */
  readonly method?: string
  /** the path begins so (without the query), or matches; default: any */
  readonly path?: string | RegExp
  /** the how manyeth such request from now on; default: the first */
  readonly nth?: number
  /** this many in a row; default 1 */
  readonly times?: number
}

interface Armed {
  readonly fault: Fault
  seen: number
}

/** Faults that wait for their request. */
export class Faults {
  #armed: Armed[] = []

  add(fault: Fault): void {
    this.#armed.push({ fault, seen: 0 })
  }

  /** none waits any more */
  clear(): void {
    this.#armed = []
  }

  /** how many still wait */
  get waiting(): number {
    return this.#armed.length
  }

  /** What happens to this request; called once for each. */
  take(method: string, path: string): Mishap | null {
    let hit: Mishap | null = null
    for (const armed of this.#armed) {
      const { fault } = armed
      if (!matches(fault, method, path)) continue
      armed.seen += 1
      const { nth = 1, times = 1 } = fault
      if (armed.seen >= nth + times - 1) this.#armed = this.#armed.filter((one) => one !== armed)
      if (armed.seen >= nth) hit ??= fault
    }
    return hit
  }
}

function matches({ method: wanted, path: at = '' }: Fault, method: string, path: string): boolean {
  if (wanted !== undefined && wanted !== method) return false
  return typeof at === 'string' ? path.startsWith(at) : at.test(path)
}

/** The refusal of a fault; one that begins with an mcpd code is of the TMOS layer. */
export function refusalOf({ status, message, apiError }: Extract<Mishap, { does: 'refuse' }>): Refusal {
  const isTmos = /^[0-9a-f]{8}:\d: /.test(message) || apiError !== undefined
  return new Refusal(status, message, isTmos ? { apiError: apiError ?? 3 } : { layer: 'framework' })
}
