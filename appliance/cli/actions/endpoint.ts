import { jsonLine } from '../../../core/text.ts'
import type { OutputOptions, Session } from '../session.ts'
import { endpointLines } from '../views/endpoint.ts'

/** Prints an endpoint, or all that share an address and port, with what closer looks showed. */
export async function showEndpoint(session: Session, which: string, options: OutputOptions): Promise<void> {
  const { screen, clock } = session
  const shown = await (await session.functions()).endpoint(which)
  if (options.json) {
    for (const { endpoint, looks } of shown) {
      if (endpoint) screen.result(jsonLine(endpoint))
      for (const look of looks) screen.result(jsonLine(look))
    }
    return
  }
  for (const [at, one] of shown.entries()) {
    if (at > 0) screen.result('')
    for (const line of endpointLines(screen, one, clock.now())) screen.result(line)
  }
}
