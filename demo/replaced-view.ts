import { shown } from '../appliance/cli/output.ts'
import type { Screen } from '../appliance/cli/screen.ts'
import { tableLines, wrapped, type Cell, type Column } from '../appliance/cli/table.ts'
import { stateTone } from '../appliance/cli/views/events.ts'
import { onDay } from '../appliance/cli/words.ts'
import type { Seen } from './handshakes.ts'
import type { Replaced } from './replacement.ts'

const columns: readonly Column[] = [
  { head: 'ENDPOINT', drop: 2 },
  { head: 'NAME', least: 12 },
  { head: 'KEY', drop: 1 },
  { head: 'EXPIRED', align: 'right' },
  { head: 'ISSUER', least: 8 },
  { head: '' },
  { head: 'EXPIRES', align: 'right' },
  { head: 'ISSUER', least: 8 },
  { head: 'PROVEN IN TLS', least: 8 },
  { head: 'STATE' }
]

/** What each server showed before and shows now, a line for each kind of key; below it why one was taken back. */
export function replacedLines(screen: Screen, host: string, all: readonly Replaced[]): string[] {
  const painted = (tone: Parameters<Screen['paint']>[0], text: string): Cell => ({
    text,
    paint: (cell) => screen.paint(tone, cell)
  })
  const rowOf = ({ server, event }: Replaced, was: Seen, is: Seen): Cell[] => [
    `${host}:${server.port}`,
    painted('strong', server.name),
    is.family === 'rsa' ? 'RSA' : 'ECDSA',
    painted('dim', onDay(was.notAfter)),
    painted('dim', shown(was.issuer)),
    '→',
    painted(stateTone(event.state), onDay(is.notAfter)),
    shown(is.issuer),
    is.versions.join(' and '),
    painted(stateTone(event.state), event.state)
  ]
  const rows = all.flatMap((one) =>
    one.before.flatMap((was, at) => {
      const is = one.after[at]
      return is ? [rowOf(one, was, is)] : []
    })
  )
  const head = (text: string) => screen.paint('dim', text)
  return tableLines(columns, rows, { width: screen.width, head })
}

/** Why targets were taken back. */
export function returnedLines(screen: Screen, all: readonly Replaced[]): string[] {
  return all
    .filter(({ event }) => event.state === 'rolled-back')
    .flatMap(({ server, event }) => {
      const text = `${server.name} serves its old certificate again: ${event.deployments.map(({ why }) => shown(why)).join('; ')}`
      return wrapped(text, screen.width)
    })
}
