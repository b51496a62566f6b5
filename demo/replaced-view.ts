import { shown } from '../appliance/cli/output.ts'
import type { Screen } from '../appliance/cli/screen.ts'
import { tableLines, wrapped, type Cell, type Column } from '../appliance/cli/table.ts'
import { stateTone } from '../appliance/cli/views/events.ts'
import { onDay } from '../appliance/cli/words.ts'
import type { Seen } from './handshakes.ts'
import type { Replaced } from './replacement.ts'

const columns: readonly Column[] = [
  { head: 'ENDPOINT', drop: 2 },
  { head: 'NAME', least: 16 },
  { head: 'KEY', drop: 1 },
  { head: 'BEFORE', align: 'right' },
  { head: 'ISSUER', least: 8 },
  { head: '' },
  { head: 'AFTER', align: 'right' },
  { head: 'ISSUER', least: 8 },
  { head: 'TLS' },
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
    is.versions.join(', '),
    painted(stateTone(event.state), event.state)
  ]
  const rows = all.flatMap((one) =>
    one.before.flatMap((was, at) => {
      const is = one.after[at]
      return is
        ? [
            {
              cells: rowOf(one, was, is),
              below: at === 0 ? [...returnLines(screen, one), ...failoverLines(screen, one)] : []
            }
          ]
        : []
    })
  )
  const head = (text: string) => screen.paint('dim', text)
  const cells = rows.map((row) => row.cells)
  const [first = '', ...lines] = tableLines(columns, cells, { width: screen.width, head })
  return [first, ...rows.flatMap(({ below }, at) => [lines[at] ?? '', ...below])]
}

const indent = 12

/** why a target was taken back */
function returnLines(screen: Screen, { event }: Replaced): string[] {
  if (event.state !== 'rolled-back') return []
  return event.deployments.flatMap(({ why }) => {
    const [first = '', ...more] = wrapped(shown(why), screen.width - indent)
    const label = screen.paint('bad', 'Returned'.padEnd(indent - 2))
    return [`  ${label}${first}`, ...more.map((line) => ' '.repeat(indent) + line)]
  })
}

/** what the other unit of a pair shows */
function failoverLines(screen: Screen, { server, after, failover }: Replaced): string[] {
  if (!failover) return []
  const { from, to } = failover
  const same = failover.after.every((seen, at) => seen.fingerprint === after[at]?.fingerprint)
  const text = `${server.name} is on a simulated BIG-IP pair: ${from} served it; after a failover ${to} does, and shows ${same ? 'the same' : 'ANOTHER'} certificate`
  const [first = '', ...more] = wrapped(text, screen.width - indent)
  const label = screen.paint(same ? 'good' : 'bad', 'Failover'.padEnd(indent - 2))
  return [`  ${label}${first}`, ...more.map((line) => ' '.repeat(indent) + line)]
}
