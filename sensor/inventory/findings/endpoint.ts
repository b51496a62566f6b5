import { nameMatch } from '../../../pki/host-names.ts'
import type { CertificateFields } from '../../../pki/fields.ts'
import { applyRules, finding, named, type Finding, type Rule } from './finding.ts'

/** What endpoints of one state have in common. */
export interface JudgedState {
  /** protocol version that the server chose of all that it was offered, 0x0300 for SSL 3.0 */
  readonly version: number | null
  /** how TLS was started */
  readonly starttls: string | null
  /** key types of the leaf certificates that it shows: one, or one of each kind */
  readonly keyTypes: readonly string[]
}

const oldVersions: Readonly<Record<number, string>> = {
  0x0300: 'SSL 3.0',
  0x0301: 'TLS 1.0',
  0x0302: 'TLS 1.1'
}

const oldProtocol: Rule<JudgedState> = ({ version }) => {
  const name = version === null ? undefined : oldVersions[version]
  if (name === undefined) return []
  const severity = name === 'SSL 3.0' ? 'critical' : 'warning'
  const reason = `Offered everything up to TLS 1.3, the server chose ${name}.`
  return [finding('old-protocol', { severity, reason, facts: { version: name } })]
}

const twins: Readonly<Record<string, string>> = { RSA: 'ECDSA', ECDSA: 'RSA' }

const missingTwin: Rule<JudgedState> = ({ keyTypes, starttls }) => {
  // databases that count cut handshakes are not asked for the other one
  if (starttls === 'mysql') return []
  const [has, other] = keyTypes
  const lacks = has === undefined ? undefined : twins[has]
  if (lacks === undefined || other !== undefined) return []
  const reason = `The server has an ${has} certificate and no ${lacks} certificate.`
  return [finding('missing-twin', { reason, facts: { keyType: has ?? null } })]
}

/** What is wrong with the way in which endpoints answer. */
export function stateFindings(state: JudgedState): Finding[] {
  return applyRules([oldProtocol, missingTwin], state)
}

/** An endpoint that was asked for a name, with the leaf certificates that it showed. */
export interface JudgedName {
  readonly name: string
  readonly leaves: readonly CertificateFields[]
}

const nameMismatch: Rule<JudgedName> = ({ name, leaves }) => {
  const wrong = leaves.filter((fields) => ['none', 'common-name-only'].includes(nameMatch(fields, name)))
  if (wrong.length === 0) return []
  const covers = (fields: CertificateFields) => {
    const names = [...fields.dnsNames, ...fields.ipAddresses]
    if (names.length === 0) return 'has no subject alternative name'
    const more = names.length > 3 ? ` and ${names.length - 3} more` : ''
    return `covers ${names.slice(0, 3).map(named).join(', ')}${more}`
  }
  const reason = `Asked for ${named(name)}, it shows a certificate that ${wrong.map(covers).join(', and one that ')}.`
  return [finding('name-mismatch', { reason, facts: { name } })]
}

/** What is wrong with what an endpoint shows for the name that it was asked for. */
export function nameFindings(subject: JudgedName): Finding[] {
  return applyRules([nameMismatch], subject)
}
