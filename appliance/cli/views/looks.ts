import { formatEndpoint } from '../../../core/address.ts'
import type { Look } from '../../functions.ts'
import type { Deep, Revocation, Ssh } from '../../records.ts'
import { shown } from '../output.ts'
import type { Screen, Tone } from '../screen.ts'
import { wrapped } from '../table.ts'
import { counted, duration, onDay } from '../words.ts'
import { severities } from './endpoints.ts'

/** A closer look for a person, line by line. */
export function lookLines(screen: Screen, look: Look): string[] {
  if (look.type === 'deep') return deepLines(screen, look)
  return look.type === 'ssh' ? sshLines(screen, look) : [revocationLine(screen, look)]
}

function deepLines(screen: Screen, deep: Deep): string[] {
  const place = `${formatEndpoint(deep.address, deep.port)}${deep.name === null ? '' : ` ${shown(deep.name)}`}`
  const spoken = deep.versions.filter(({ accepted }) => accepted)
  const suites = new Set(spoken.flatMap((one) => one.suites)).size
  if (deep.cost.connections === 0)
    return [`${screen.paint('strong', place)}  not looked at: what looks may take of the address is used up`]
  const facts = [
    spoken.map(({ version }) => version).join(', ') || 'no version accepted',
    counted(suites, 'suite'),
    ...(deep.alpn && deep.alpn.length > 0 ? [`ALPN ${deep.alpn.map(shown).join(' ')}`] : []),
    ...(deep.stapling === true ? ['staples OCSP'] : []),
    ...(deep.http?.server ? [`Server: ${shown(deep.http.server)}`] : [])
  ]
  const cost = `${counted(deep.cost.connections, 'connection')}, ${duration(deep.cost.ms)}`
  const stopped = deep.stopped === null ? '' : `, stopped: ${deep.stopped}`
  return [
    `${screen.paint('strong', place)}  ${facts.join(' · ')}  ${screen.paint('dim', cost + stopped)}`,
    ...spoken.flatMap((one) => suiteLines(screen, one)),
    ...deep.weaknesses.flatMap(({ severity, reason, remedy }) => {
      const { word, tone } = severities[severity]
      const lines = wrapped(`${shown(reason)} ${remedy}`, screen.width - indent)
      return lines.map(
        (line, at) =>
          (at === 0 ? `  ${screen.paint(tone, word.padEnd(indent - 2))}` : ' '.repeat(indent)) + line
      )
    })
  ]
}

const indent = 12

/** The suites of one version in the order in which they were chosen. */
function suiteLines(
  screen: Screen,
  { version, suites, order, complete }: Deep['versions'][number]
): string[] {
  if (suites.length === 0) return []
  const notes = [...(order === null ? [] : [`the ${order} decides`]), ...(complete ? [] : ['not all asked'])]
  const text = suites.join(', ') + (notes.length > 0 ? ` (${notes.join(', ')})` : '')
  return wrapped(text, screen.width - indent).map(
    (line, at) =>
      (at === 0 ? `  ${screen.paint('dim', version.padEnd(indent - 2))}` : ' '.repeat(indent)) + line
  )
}

function sshLines(screen: Screen, { address, port, banner, outcome, keys }: Ssh): string[] {
  const said = banner === null ? outcome : shown(banner)
  return [
    `${screen.paint('strong', formatEndpoint(address, port))}  ${said}`,
    ...keys.map(
      ({ type, bits, fingerprint }) =>
        `  ${type.padEnd(20)} ${String(bits ?? '').padStart(5)}  ${fingerprint}`
    )
  ]
}

const revocationTones: Readonly<Record<Revocation['outcome'], Tone>> = {
  good: 'good',
  revoked: 'bad',
  unknown: 'warn',
  unavailable: 'warn',
  'not-asked': 'dim',
  'none-named': 'dim',
  'no-issuer': 'dim'
}

const revocationWords: Readonly<Record<Revocation['outcome'], string>> = {
  good: 'not revoked',
  revoked: 'Revoked',
  unknown: 'not known to its issuer',
  unavailable: 'no answer that can be believed',
  'not-asked': 'not asked, the settings do not allow it',
  'none-named': 'names no place to ask',
  'no-issuer': 'its issuer is not sent, so nobody can be asked'
}

/** What came of asking for revocation, in words. */
export function revocationPlain({ outcome, revokedAt, reason, by }: Revocation): string {
  const since = revokedAt === null ? '' : ` since ${onDay(Date.parse(revokedAt))}, ${reason ?? 'no reason'}`
  return `${revocationWords[outcome]}${since}${by === null ? '' : ` (${by.toUpperCase()})`}`
}

function revocationLine(screen: Screen, look: Revocation): string {
  const { label, fingerprint, outcome, by, revokedAt, reason, attempts } = look
  const words = screen.paint(revocationTones[outcome], revocationWords[outcome])
  const since = revokedAt === null ? '' : ` since ${onDay(Date.parse(revokedAt))}, ${reason ?? 'no reason'}`
  const tries = attempts.map((one) => `${one.by} ${shown(one.url)}: ${one.why}`).join('; ')
  const source = by === null ? tries : by.toUpperCase()
  return `${shown(label)} (${fingerprint.slice(0, 8)})  ${words}${since}${source ? screen.paint('dim', ` · ${source}`) : ''}`
}
