import { formatEndpoint } from '../../../core/address.ts'
import { visible } from '../../../core/text.ts'
import { findingCodes, type FindingCode } from '../../../sensor/inventory/findings/codes.ts'
import { renewalTimes } from '../../../sensor/inventory/findings/validity.ts'
import type { Endpoint, Finding, Leaf, Severity } from '../../records.ts'
import { shown, type View } from '../output.ts'
import type { Screen, Tone } from '../screen.ts'
import { wrapped, type Cell } from '../table.ts'
import { day, figure, onDay, shortFingerprint } from '../words.ts'

/** Words and tones of severities, worst first. */
export const severities: Readonly<Record<Severity, { readonly word: string; readonly tone: Tone }>> = {
  critical: { word: 'Critical', tone: 'bad' },
  warning: { word: 'Warning', tone: 'warn' },
  note: { word: 'Note', tone: 'dim' }
}

/** The name of the key as people say it: `RSA 2048`, `ECDSA P-256`, `Ed25519`. */
export function keyName({ keyType, keyBits, curve }: Pick<Leaf, 'keyType' | 'keyBits' | 'curve'>): string {
  if (keyType === 'ECDSA') return `ECDSA ${curve === null ? keyBits : visible(curve, 40)}`
  return keyType === 'RSA' || keyType === 'DSA' ? `${keyType} ${keyBits}` : keyType
}

/** What people call a finding. */
export function findingTitle(code: string): string {
  return code in findingCodes ? findingCodes[code as FindingCode].title : code
}

/** The table of endpoints whose findings are printed below each, so that none are in the row. */
export function detailedView(screen: Screen, now: number): View<Endpoint> {
  const { columns, cells, csv } = endpointView(screen, now)
  return { columns: columns.slice(0, -1), cells: (endpoint) => cells(endpoint).slice(0, -1), csv }
}

/** The table and CSV of endpoints. */
export function endpointView(screen: Screen, now: number): View<Endpoint> {
  const painted = (tone: Tone, text: string): Cell => ({ text, paint: (cell) => screen.paint(tone, cell) })
  return {
    columns: [
      { head: 'ENDPOINT' },
      { head: 'NAME', least: 16 },
      { head: 'EXPIRES', align: 'right', drop: 7 },
      { head: 'LEFT', align: 'right' },
      { head: 'KEY', least: 11, drop: 4 },
      { head: 'TLS', drop: 3 },
      { head: 'ISSUER', least: 16, drop: 2 },
      { head: 'CERTIFICATE', drop: 1 },
      { head: 'OWNER', least: 8, drop: 6, sparse: true },
      { head: 'TAGS', least: 8, drop: 5, sparse: true },
      // the longest text that is common: what is wrong is read before anything else
      { head: 'FINDINGS', least: 32, late: true }
    ],
    cells(endpoint) {
      const first = earliest(endpoint.certificates)
      const tone = expiryTone(first, now)
      return [
        formatEndpoint(endpoint.address, endpoint.port),
        painted('strong', shown(endpoint.name ?? first?.label ?? '')),
        first ? painted(tone, onDay(Date.parse(first.notAfter))) : '',
        first ? painted(tone, daysLeft(first, now)) : painted('dim', endpoint.outcome),
        [...new Set(endpoint.certificates.map(keyName))].join(', '),
        [endpoint.version?.replace('TLS ', ''), endpoint.starttls].filter(Boolean).join(' '),
        shown(first ? commonNameOf(first.issuer) : ''),
        fingerprintsText(first, endpoint.certificates),
        shown(endpoint.owner),
        endpoint.tags.map(shown).join(' '),
        findingsCell(screen, endpoint)
      ]
    },
    csv: [
      ['address', (endpoint) => endpoint.address],
      ['port', (endpoint) => endpoint.port],
      ['name', (endpoint) => endpoint.name],
      ['state', (endpoint) => endpoint.state],
      ['outcome', (endpoint) => endpoint.outcome],
      ['starttls', (endpoint) => endpoint.starttls],
      ['version', (endpoint) => endpoint.version],
      ['cipher', (endpoint) => endpoint.cipher],
      ['certificate', (endpoint) => earliest(endpoint.certificates)?.label ?? null],
      ['issuer', (endpoint) => earliest(endpoint.certificates)?.issuer ?? null],
      ['not_before', (endpoint) => earliest(endpoint.certificates)?.notBefore ?? null],
      ['not_after', (endpoint) => earliest(endpoint.certificates)?.notAfter ?? null],
      ['key', (endpoint) => endpoint.certificates.map(keyName).join(' ')],
      ['fingerprints', (endpoint) => endpoint.certificates.map((leaf) => leaf.fingerprint).join(' ')],
      ['severity', (endpoint) => endpoint.findings[0]?.severity ?? null],
      ['findings', (endpoint) => [...new Set(endpoint.findings.map((finding) => finding.code))].join(' ')],
      ['owner', (endpoint) => endpoint.owner],
      ['tags', (endpoint) => endpoint.tags.join(' ')],
      ['first_seen', (endpoint) => endpoint.firstSeen],
      ['last_seen', (endpoint) => endpoint.lastSeen]
    ]
  }
}

/** Lines about each finding of an endpoint: how bad, what, why, and below it what to do. */
export function findingLines(screen: Screen, findings: readonly Finding[]): string[] {
  return findings.flatMap(({ severity, code, reason, remedy }) => {
    const { word, tone } = severities[severity]
    const head = `  ${screen.paint(tone, word.padEnd(indent - 2))}`
    const [first = '', ...more] = wrapped(`${findingTitle(code)}. ${shown(reason)}`, screen.width - indent)
    const below = wrapped(shown(remedy), screen.width - indent).map((line) => screen.paint('dim', line))
    return [head + first, ...[...more, ...below].map((line) => ' '.repeat(indent) + line)]
  })
}

const indent = 12

/** The leaf that expires first. */
function earliest(leaves: readonly Leaf[]): Leaf | undefined {
  return leaves.toSorted((a, b) => a.notAfter.localeCompare(b.notAfter))[0]
}

function fingerprintsText(first: Leaf | undefined, all: readonly Leaf[]): string {
  if (!first) return ''
  return shortFingerprint(first.fingerprint) + (all.length > 1 ? ` +${all.length - 1}` : '')
}

function daysLeft(leaf: Leaf, now: number): string {
  const days = Math.floor((Date.parse(leaf.notAfter) - now) / day)
  return days < 0 ? 'expired' : `${figure(days)} d`
}

/** Amber once renewal is due, red once it is urgent: as the findings say. */
export function expiryTone(leaf: Leaf | undefined, now: number): Tone {
  if (!leaf) return 'dim'
  const { due, urgent } = renewalTimes({
    notBefore: Date.parse(leaf.notBefore),
    notAfter: Date.parse(leaf.notAfter)
  })
  if (now >= urgent) return 'bad'
  return now >= due ? 'warn' : 'good'
}

function findingsCell(screen: Screen, { findings }: Endpoint): Cell {
  const [worst] = findings
  if (!worst) return ''
  // notes are no problems: they are told by --details
  const problems = findings.filter(({ severity }) => severity !== 'note').length
  const more = problems > 1 ? ` +${problems - 1}` : ''
  const { word, tone } = severities[worst.severity]
  return { text: `${word}: ${findingTitle(worst.code)}${more}`, paint: (cell) => screen.paint(tone, cell) }
}

/** The common name of a distinguished name (RFC 4514), else its first part. */
export function commonNameOf(name: string): string {
  const parts = name.match(/(?:\\.|[^,\\])+/g) ?? []
  const part = parts.find((text) => text.startsWith('CN=')) ?? parts[0] ?? ''
  return part.replace(/^[A-Za-z]+=/, '').replaceAll(/\\(.)/g, '$1')
}
