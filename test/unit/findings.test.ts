import t from 'tap'
import { visible } from '../../core/text.ts'
import type { CertificateFields } from '../../pki/fields.ts'
import { readCertificate } from '../../pki/quick.ts'
import { certificateFindings } from '../../sensor/inventory/findings/certificate.ts'
import { findingCodes, type FindingCode } from '../../sensor/inventory/findings/codes.ts'
import { nameFindings, stateFindings, type JudgedState } from '../../sensor/inventory/findings/endpoint.ts'
import { always, type Finding } from '../../sensor/inventory/findings/finding.ts'
import { addressLimit, keyFindings } from '../../sensor/inventory/findings/key.ts'
import { revokedFinding } from '../../sensor/inventory/findings/look.ts'
import { tlsOutcomes, type Outcome } from '../../sensor/scan/observation.ts'
import { createCertificate } from '../peers/certificates.ts'
import { codesAt, day, holdAt, leaf, start } from './inventory-world.ts'

const good = readCertificate(leaf('www.example.com').der)

/** What the rules find about a certificate with these fields. */
function found(fields: Partial<CertificateFields>, of: { isPublic?: boolean; isSelfSigned?: boolean } = {}) {
  return certificateFindings({ fields: { ...good, ...fields }, isPublic: true, isSelfSigned: false, ...of })
}

t.test('a good certificate has no finding today', (t) => {
  t.same(codesAt(found({}), start), [])
  t.end()
})

t.test('expiry is due at a third of the lifetime left, urgent at a tenth, then past', (t) => {
  const findings = found({ notBefore: start, notAfter: start + 90 * day })
  const at = (days: number) =>
    holdAt(findings, start + days * day).map(({ code, severity }) => `${code} ${severity}`)
  t.same(at(59.9), [])
  t.same(at(60), ['expires-soon warning'])
  t.same(at(82.9), ['expires-soon warning'])
  t.same(at(83), ['expires-soon critical'], 'seven days are less than a tenth')
  t.same(at(89.9), ['expires-soon critical'])
  t.same(at(90), ['expired critical'])
  t.same(at(9000), ['expired critical'])
  t.end()
})

t.test('a certificate of years is not due years ahead', (t) => {
  const findings = found({ notBefore: start, notAfter: start + 3650 * day })
  const codes = (days: number) =>
    codesAt(findings, start + days * day).filter((code) => code === 'expires-soon')
  t.same(codes(2500), [], 'a third of its lifetime is left')
  t.same(codes(3619), [])
  t.same(codes(3620), ['expires-soon'], 'thirty days are')
  t.end()
})

t.test('for a short lifetime a tenth of it is urgent', (t) => {
  const findings = found({ notBefore: start, notAfter: start + 6 * day })
  const severities = (days: number) => holdAt(findings, start + days * day).map(({ severity }) => severity)
  t.same(severities(3.9), [])
  t.same(severities(5.3), ['warning'])
  t.same(severities(5.5), ['critical'])
  t.end()
})

t.test('the reason of an expiry tells the figures', (t) => {
  const [due] = found({ notBefore: start, notAfter: start + 90 * day }).filter(
    (one) => one.code === 'expires-soon'
  )
  t.equal(due?.reason, 'It expires on 2027-01-30; 30 days of its 90 days were left on 2026-12-31.')
  t.end()
})

t.test('a certificate of the future is not yet valid until it begins', (t) => {
  const findings = found({ notBefore: start + day, notAfter: start + 60 * day })
  t.same(codesAt(findings, start), ['not-yet-valid'])
  t.same(codesAt(findings, start + day), [])
  t.end()
})

t.test('a validity that ends before it begins is expired and nothing else', (t) => {
  t.same(codesAt(found({ notBefore: start - day, notAfter: start - 2 * day }), start), ['expired'])
  t.end()
})

t.test('weak keys are told from strong ones', (t) => {
  const cases: readonly (readonly [Partial<CertificateFields>, string | undefined])[] = [
    [{ keyType: 'RSA', keyBits: 2048 }, undefined],
    [{ keyType: 'RSA', keyBits: 2047 }, 'warning'],
    [{ keyType: 'RSA', keyBits: 1024 }, 'warning'],
    [{ keyType: 'RSA', keyBits: 1023 }, 'critical'],
    [{ keyType: 'RSA', keyBits: 0 }, undefined],
    [{ keyType: 'ECDSA', keyBits: 224 }, undefined],
    [{ keyType: 'ECDSA', keyBits: 192 }, 'warning'],
    [{ keyType: 'DSA', keyBits: 3072 }, 'warning'],
    [{ keyType: 'Ed25519', keyBits: 256 }, undefined]
  ]
  for (const [fields, severity] of cases) {
    const weak = found(fields).filter(({ code }) => code === 'weak-key')
    t.same(
      weak.map((one) => one.severity),
      severity === undefined ? [] : [severity],
      JSON.stringify(fields)
    )
  }
  t.end()
})

t.test('old signatures are found, except where a certificate signs itself', (t) => {
  const signed = (signatureAlgorithm: string, isSelfSigned = false) =>
    codesAt(found({ signatureAlgorithm }, { isSelfSigned }), start)
  t.same(signed('RSA-SHA1'), ['sha1-signature'])
  t.same(signed('ECDSA-SHA1'), ['sha1-signature'])
  t.same(signed('RSA-PSS-SHA1'), ['sha1-signature'])
  t.same(signed('RSA-MD5'), ['md5-signature'])
  t.same(signed('RSA-MD2'), ['md5-signature'])
  t.same(signed('RSA-SHA256'), [])
  t.same(signed('RSA-SHA1', true), ['self-signed'])
  t.end()
})

t.test('the longest validity follows the schedule by the day of issue', (t) => {
  const cases: readonly (readonly [issued: number, days: number])[] = [
    [Date.UTC(2016, 0, 1), 1187],
    [Date.UTC(2018, 2, 1), 825],
    [Date.UTC(2020, 7, 31), 825],
    [Date.UTC(2020, 8, 1), 398],
    [Date.UTC(2026, 2, 14), 398],
    [Date.UTC(2026, 2, 15), 200],
    [Date.UTC(2027, 2, 15), 100],
    [Date.UTC(2029, 2, 15), 47]
  ]
  for (const [notBefore, days] of cases) {
    const long = (seconds: number) =>
      found({ notBefore, notAfter: notBefore + days * day + seconds * 1000 }).filter(
        ({ code }) => code === 'long-validity'
      )
    // the last second belongs to the validity
    t.equal(long(-1).length, 0, `${days} days from ${new Date(notBefore).toISOString()}`)
    t.equal(long(0)[0]?.severity, 'warning', `${days} days and a second`)
    t.equal(long(0)[0]?.facts['limitDays'], days)
    t.match(long(0)[0]?.reason, `valid for ${days + 1} days;`)
  }
  t.end()
})

t.test('a long validity of a private authority is a note', (t) => {
  const fields = { notBefore: start, notAfter: start + 3650 * day }
  const [long] = found(fields, { isPublic: false }).filter(({ code }) => code === 'long-validity')
  t.equal(long?.severity, 'note')
  t.equal(long?.facts['validityDays'], 3650, 'the same in words and in facts')
  t.match(long?.reason, /3650 days; issued on 2026-11-01, a publicly trusted certificate may have 200 days/)
  t.end()
})

t.test('clientAuth matters on public certificates only', (t) => {
  const extendedKeyUsage = ['serverAuth', 'clientAuth']
  t.same(codesAt(found({ extendedKeyUsage }), start), ['client-auth'])
  t.same(codesAt(found({ extendedKeyUsage }, { isPublic: false }), start), [])
  t.same(codesAt(found({ extendedKeyUsage: ['serverAuth'] }), start), [])
  t.same(codesAt(found({ extendedKeyUsage: null }), start), [])
  t.end()
})

/** An answer of a server in good order, otherwise as wished. */
const answer = (wishes: Partial<JudgedState>): JudgedState => ({
  outcome: 'certificate',
  version: 0x0304,
  alert: null,
  keyTypes: [],
  twinUnasked: false,
  ...wishes
})

t.test('an answer without a certificate is a note that says what to do', (t) => {
  const codes = (outcome: Outcome, alert: number | null = null) =>
    stateFindings(answer({ outcome, alert, version: null })).map(
      ({ code, severity }) => `${code} ${severity}`
    )
  t.same(codes('name-required', 112), ['name-required note'])
  t.same(codes('alert', 40), ['refused-by-alert note'])
  t.same(codes('malformed'), ['broken-tls note'])
  t.same(codes('too-large'), ['broken-tls note'])
  t.same(codes('no-certificate'), ['no-certificate note'])
  t.match(findingCodes['name-required'].remedy, /--names FILE, --sni NAME/)
  const [refused] = stateFindings(answer({ outcome: 'alert', alert: 40 }))
  t.match(refused?.reason, /Its number is 40/)
  // whatever answers TLS has a certificate or a note
  for (const outcome of tlsOutcomes) {
    if (outcome !== 'certificate') t.equal(codes(outcome).length, 1, outcome)
  }
  t.end()
})

t.test('what its issuer revoked is critical', (t) => {
  const revoked = revokedFinding({ at: start, reason: 'keyCompromise', by: 'ocsp' })
  t.match(revoked, { code: 'revoked', severity: 'critical', facts: { by: 'ocsp', why: 'keyCompromise' } })
  t.equal(revoked.reason, 'Its issuer revoked it on 2026-11-01 (keyCompromise), says its OCSP.')
  t.end()
})

t.test('the best version that a server offers may be old', (t) => {
  const versions = (version: number | null) =>
    stateFindings(answer({ version, keyTypes: ['RSA', 'ECDSA'] })).map(
      ({ code, severity }) => `${code} ${severity}`
    )
  t.same(versions(0x0300), ['old-protocol critical'])
  t.same(versions(0x0301), ['old-protocol warning'])
  t.same(versions(0x0302), ['old-protocol warning'])
  t.same(versions(0x0303), [])
  t.same(versions(0x0304), [])
  t.same(versions(null), [])
  t.end()
})

t.test('one key type alone is a note', (t) => {
  const lacks = (...keyTypes: string[]) => stateFindings(answer({ keyTypes })).map(({ reason }) => reason)
  t.same(lacks('RSA'), ['The server has an RSA certificate and no ECDSA certificate.'])
  t.same(lacks('ECDSA'), ['The server has an ECDSA certificate and no RSA certificate.'])
  t.same(lacks('RSA', 'ECDSA'), [])
  t.same(lacks('Ed25519'), [])
  t.same(
    stateFindings(answer({ keyTypes: ['RSA'], twinUnasked: true })),
    [],
    'it was not asked for the other'
  )
  t.same(lacks(), [])
  t.end()
})

t.test('each leaf must cover the name that was asked for', (t) => {
  const fields = (...names: string[]) => readCertificate(createCertificate({ names, commonName: 'x' }).der)
  const reasons = (name: string, ...leaves: CertificateFields[]) =>
    nameFindings({ name, leaves }).map((one) => one.reason)
  t.same(reasons('www.example.com', fields('www.example.com')), [])
  t.same(reasons('www.example.com', fields('*.example.com')), [])
  t.same(reasons('www.example.com', fields('example.com', 'mail.example.com')), [
    'Asked for www.example.com, it shows a certificate that covers example.com, mail.example.com.'
  ])
  t.same(reasons('www.example.com', fields('*.example.com'), fields('a.b', 'c.d', 'e.f', 'g.h')), [
    'Asked for www.example.com, it shows a certificate that covers a.b, c.d, e.f and 1 more.'
  ])
  const commonNameOnly = readCertificate(createCertificate({ commonName: 'www.example.com' }).der)
  t.same(reasons('www.example.com', commonNameOnly), [
    'Asked for www.example.com, it shows a certificate that has no subject alternative name.'
  ])
  t.end()
})

t.test('what a server wrote is escaped in a reason', (t) => {
  const fields = { ...good, dnsNames: ['evil\u001b[31m.example'] }
  const [mismatch] = nameFindings({ name: 'www.example.com', leaves: [fields] })
  t.match(mismatch?.reason, 'evil\\x1b[31m.example')
  t.end()
})

t.test('a key in several certificates is a warning, on many addresses a note', (t) => {
  const severity = (certificates: number, addresses: number) =>
    keyFindings({ certificates, addresses })[0]?.severity
  t.equal(severity(1, addressLimit), undefined)
  t.equal(severity(1, addressLimit + 1), 'note')
  t.equal(severity(2, 1), 'warning')
  t.equal(severity(0, 0), undefined)
  t.end()
})

t.test('every code has a title, a meaning and a remedy in whole sentences', (t) => {
  for (const [code, { title, meaning, remedy }] of Object.entries(findingCodes)) {
    t.match(title, /^[A-Z0-9].*[^.]$/, `${code}: the title is no sentence`)
    t.match(meaning, /^[A-Z].*\.$/, `${code}: the meaning is one`)
    t.match(remedy, /^[A-Z].*\.$/, `${code}: the remedy is one`)
    t.equal(visible(remedy), remedy, `${code}: a terminal shows it whole`)
  }
  t.end()
})

t.test('every finding tells when it holds', (t) => {
  const all: Finding[] = [...found({}), ...stateFindings(answer({ version: 0x300, keyTypes: ['RSA'] }))]
  for (const { code, begins, ends } of all) t.ok(begins < ends && ends <= always.ends, code)
  t.ok((all.map(({ code }) => code) satisfies FindingCode[]).length > 3)
  t.end()
})
