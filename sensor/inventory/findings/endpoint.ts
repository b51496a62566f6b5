import { firstOf } from '../../../core/text.ts'
import { nameMatch } from '../../../pki/host-names.ts'
import type { CertificateFields } from '../../../pki/fields.ts'
import type { FindingCode } from './codes.ts'
import { applyRules, finding, named, type Finding, type Rule } from './finding.ts'

/** What endpoints of one state have in common. */
export interface JudgedState {
  /** protocol version that the server chose of all that it was offered, 0x0300 for SSL 3.0 */
  readonly version: number | null
  /** how the probe ended, where TLS answered */
  readonly outcome: string
  /** the alert that refused every hello, RFC 8446 §6 */
  readonly alert: number | null
  /** key types of the leaf certificates that it shows: one, or one of each kind */
  readonly keyTypes: readonly string[]
  /** was it left unasked for the certificate of the other key type? */
  readonly twinUnasked: boolean
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

const missingTwin: Rule<JudgedState> = ({ keyTypes, twinUnasked }) => {
  if (twinUnasked) return []
  const [has, other] = keyTypes
  const lacks = has === undefined ? undefined : twins[has]
  if (lacks === undefined || other !== undefined) return []
  const reason = `The server has an ${has} certificate and no ${lacks} certificate.`
  return [finding('missing-twin', { reason, facts: { keyType: has ?? null } })]
}

/** What each outcome means that shows no certificate although TLS answered. */
const unseen: Readonly<Record<string, readonly [code: FindingCode, reason: string]>> = {
  'name-required': ['name-required', 'It answers only to whoever asks for a name that it knows.'],
  'no-certificate': ['no-certificate', 'TLS answered without showing a certificate.'],
  alert: ['refused-by-alert', 'It refused every hello with an alert.'],
  malformed: ['broken-tls', 'It began TLS, then broke the rules of TLS.'],
  'too-large': ['broken-tls', 'It began TLS, then sent more than a server has reason to.']
}

const nothingSeen: Rule<JudgedState> = ({ outcome, alert }) => {
  const found = unseen[outcome]
  if (found === undefined) return []
  const [code, reason] = found
  const figure = code === 'refused-by-alert' && alert !== null ? ` Its number is ${alert} (RFC 8446 §6).` : ''
  return [finding(code, { reason: reason + figure, facts: { outcome, alert } })]
}

/** What is wrong with the way in which endpoints answer. */
export function stateFindings(state: JudgedState): Finding[] {
  return applyRules([oldProtocol, nothingSeen, missingTwin], state)
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
    return `covers ${firstOf(names.map(named), 3)}`
  }
  const reason = `Asked for ${named(name)}, it shows a certificate that ${wrong.map(covers).join(', and one that ')}.`
  return [finding('name-mismatch', { reason, facts: { name } })]
}

/** What is wrong with what an endpoint shows for the name that it was asked for. */
export function nameFindings(subject: JudgedName): Finding[] {
  return applyRules([nameMismatch], subject)
}
