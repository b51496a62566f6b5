import { formatEndpoint } from '../../../core/address.ts'
import type { Certificate } from '../../records.ts'
import { shown } from '../output.ts'
import type { Screen } from '../screen.ts'
import { atMoment, blocks, counted, fromNow } from '../words.ts'
import { expiryTone, findingLines, keyName } from './endpoints.ts'
import { revocationPlain } from './looks.ts'

/** One certificate for a person, line by line. */
export function certificateLines(screen: Screen, certificate: Certificate, now: number): string[] {
  return [
    `${screen.paint('strong', shown(certificate.label))}  ${screen.paint(expiryTone(certificate, now), lifeText(certificate, now))}`,
    '',
    ...rows(certificate, now).map(([label, value]) => `${screen.paint('dim', label.padEnd(16))}${value}`),
    ...findingsBelow(screen, certificate)
  ]
}

function lifeText(certificate: Certificate, now: number): string {
  const [begins, ends] = [Date.parse(certificate.notBefore), Date.parse(certificate.notAfter)]
  if (now < begins) return `not valid before ${atMoment(begins)}`
  return now >= ends ? `expired ${fromNow(ends, now)}` : `expires ${fromNow(ends, now)}`
}

function findingsBelow(screen: Screen, { inventory }: Certificate): string[] {
  if (inventory === null) return []
  if (inventory.findings.length === 0) return ['', screen.paint('good', 'Nothing is wrong with it')]
  return ['', ...findingLines(screen, inventory.findings)]
}

/** Who vouches for a certificate, in words. */
const trustWords = {
  public: 'trusted by a root of the system',
  private: 'trusted by a root of your own',
  nobody: 'no root that is known here vouches for it'
} as const

/** Label and value of every row that says something. */
function rows(certificate: Certificate, now: number): (readonly [label: string, value: string])[] {
  const time = (text: string) => `${atMoment(Date.parse(text))}, ${fromNow(Date.parse(text), now)}`
  const list = (values: readonly string[] | null) => (values ?? []).map(shown).join(', ')
  const all: readonly (readonly [string, string])[] = [
    ['Subject', shown(certificate.subject)],
    ['Issuer', shown(certificate.issuer) + (certificate.selfIssued ? ' (itself)' : '')],
    ['DNS names', list(certificate.dnsNames)],
    ['IP addresses', list(certificate.ipAddresses)],
    ['E-mail', list(certificate.emails)],
    ['URIs', list(certificate.uris)],
    ['Valid from', time(certificate.notBefore)],
    ['Valid until', time(certificate.notAfter)],
    ['Key', `${keyName(certificate)}, SPKI ${blocks(certificate.spki, 16)}…`],
    ['Signature', shown(certificate.signatureAlgorithm)],
    ['Serial', blocks(certificate.serial)],
    ['Usage', list([...(certificate.keyUsage ?? []), ...(certificate.extendedKeyUsage ?? [])])],
    ['Authority', certificate.isCa ? 'yes, it may sign certificates' : ''],
    ['OCSP', list(certificate.ocspUrls)],
    ['CRL', list(certificate.crlUrls)],
    ['Issuer at', list(certificate.issuerUrls)],
    ['Fingerprint', blocks(certificate.fingerprint)],
    ['Trust', certificate.inventory ? trustWords[certificate.inventory.trust ?? 'nobody'] : ''],
    ['Revocation', revocationText(certificate, now)],
    ['Served by', servedText(certificate)]
  ]
  return all.filter(([, value]) => value !== '')
}

function revocationText({ inventory }: Certificate, now: number): string {
  if (!inventory?.revocation) return ''
  const { at } = inventory.revocation
  return `${revocationPlain(inventory.revocation)}, asked ${fromNow(Date.parse(at), now)}`
}

function servedText({ inventory }: Certificate): string {
  if (inventory === null) return ''
  const { endpoints, endpointCount } = inventory
  const places = endpoints.map(
    ({ address, port, name }) => `${formatEndpoint(address, port)}${name ? ` ${shown(name)}` : ''}`
  )
  return [counted(endpointCount, 'endpoint'), ...places].join(`\n${' '.repeat(16)}`)
}
