import { formatEndpoint } from '../../../core/address.ts'
import type { EndpointDetails } from '../../functions.ts'
import type { Endpoint, KeptLook, Leaf } from '../../records.ts'
import { shown } from '../output.ts'
import type { Screen } from '../screen.ts'
import { atMoment, blocks, fromNow } from '../words.ts'
import { expiryTone, findingLines, keyName } from './endpoints.ts'
import { lookLines } from './looks.ts'

/** An endpoint with what closer looks showed of it, line by line. */
export function endpointLines(screen: Screen, { endpoint, looks }: EndpointDetails, now: number): string[] {
  const told = looks.flatMap((look) => ['', ...keptLines(screen, look, now)])
  if (!endpoint) return told.slice(1)
  return [
    ...headLines(screen, endpoint),
    ...rows(endpoint, now).map(([label, value]) => `${screen.paint('dim', label.padEnd(16))}${value}`),
    ...endpoint.certificates.flatMap((leaf) => leafLines(screen, leaf, now)),
    ...(endpoint.findings.length > 0 ? ['', ...findingLines(screen, endpoint.findings)] : []),
    ...told
  ]
}

function headLines(screen: Screen, { address, port, name, state, outcome }: Endpoint): string[] {
  const place = `${formatEndpoint(address, port)}${name === null ? '' : ` ${shown(name)}`}`
  const stands = state === 'present' ? outcome : `gone (${outcome})`
  return [
    `${screen.paint('strong', place)}  ${screen.paint(state === 'present' ? 'good' : 'dim', stands)}`,
    ''
  ]
}

function rows(endpoint: Endpoint, now: number): (readonly [label: string, value: string])[] {
  const time = (text: string) => `${atMoment(Date.parse(text))}, ${fromNow(Date.parse(text), now)}`
  const { version, cipher, starttls, owner, tags, clientCertificate } = endpoint
  const all: readonly (readonly [string, string])[] = [
    ['TLS', [version, cipher, starttls && `STARTTLS ${starttls}`].filter(Boolean).join(', ')],
    ['Client', clientCertificate === true ? 'is asked for a certificate' : ''],
    ['Owner', shown(owner)],
    ['Tags', tags.map(shown).join(' ')],
    ['Seen first', time(endpoint.firstSeen)],
    ['Seen last', time(endpoint.lastSeen)]
  ]
  return all.filter(([, value]) => value !== '')
}

function leafLines(screen: Screen, leaf: Leaf, now: number): string[] {
  const ends = Date.parse(leaf.notAfter)
  const left = screen.paint(
    expiryTone(leaf, now),
    `${ends > now ? 'expires' : 'expired'} ${fromNow(ends, now)}`
  )
  const label = screen.paint('dim', 'Certificate'.padEnd(16))
  return [`${label}${shown(leaf.label)}, ${keyName(leaf)}, ${left}, ${blocks(leaf.fingerprint, 16)}…`]
}

const titles = { deep: 'Deeper look', ssh: 'SSH', revocation: 'Revocation' } as const

function keptLines(screen: Screen, { look, latest, since, report }: KeptLook, now: number): string[] {
  const [at, first] = [Date.parse(report.at), Date.parse(since)]
  const same = first < at ? `, the same since ${atMoment(first)}` : ''
  const when = latest ? `${atMoment(at)}, ${fromNow(at, now)}${same}` : `before, until ${atMoment(at)}`
  return [screen.paint('dim', `${titles[look]}: ${when}`), ...lookLines(screen, report)]
}
