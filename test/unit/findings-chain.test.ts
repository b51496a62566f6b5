import t from 'tap'
import { checkChain } from '../../pki/chain.ts'
import { readCertificate } from '../../pki/quick.ts'
import { chainFindings } from '../../sensor/inventory/findings/chain.ts'
import { always, type Finding } from '../../sensor/inventory/findings/finding.ts'
import { createCertificate, type Certificate } from '../peers/certificates.ts'
import {
  authority,
  codesAt,
  day,
  leaf,
  ownRoot,
  publicIssuer,
  publicRoot,
  start,
  strangeRoot,
  trust
} from './inventory-world.ts'

/** What the rules find about a chain as these certificates, checked today. */
function foundInChain(...served: readonly (Certificate | Uint8Array)[]): Finding[] {
  const ders = served.map((one) => ('der' in one ? one.der : one))
  const { roots } = trust()
  const reportAt = (now: number) => checkChain({ served: ders, roots, now })
  const fields = ders.map((der) => {
    try {
      return readCertificate(der)
    } catch {
      return null
    }
  })
  return chainFindings({ report: reportAt(start), served: fields, reportAt })
}

t.test('a whole chain to a known root has no finding', (t) => {
  t.same(codesAt(foundInChain(leaf('a.example'), publicIssuer), start), [])
  t.same(codesAt(foundInChain(leaf('a.example'), publicIssuer, publicRoot), start), [])
  t.same(codesAt(foundInChain(leaf('a.example', { issuer: ownRoot })), start), [])
  t.end()
})

t.test('a leaf without its intermediate is an incomplete chain', (t) => {
  const findings = foundInChain(leaf('a.example'))
  t.same(codesAt(findings, start), ['chain-incomplete'])
  t.equal(
    findings[0]?.reason,
    'Its issuer is CN=Public Issuing: the server does not send that certificate, and it is no root known here.'
  )
  t.end()
})

t.test('a chain to a root that nobody knows is untrusted, sent or not', (t) => {
  const issuer = authority('Strange Issuing', { issuer: strangeRoot })
  const certificate = leaf('a.example', { issuer })
  t.same(codesAt(foundInChain(certificate, issuer, strangeRoot), start), ['untrusted-root'])
  t.same(codesAt(foundInChain(certificate, issuer), start), ['untrusted-root'])
  t.end()
})

t.test('a chain out of order says in which order it would be right', (t) => {
  const second = authority('Second Issuing', { issuer: publicIssuer })
  const certificate = leaf('a.example', { issuer: second })
  t.same(codesAt(foundInChain(certificate, second, publicIssuer), start), [])
  const [wrong] = foundInChain(certificate, publicIssuer, second)
  t.equal(wrong?.code, 'chain-wrong-order')
  t.same(wrong?.facts['order'], ['1', '3', '2'])
  t.end()
})

t.test('an intermediate expires on its day', (t) => {
  const end = start + 20 * day
  const issuer = authority('Short Issuing', {
    issuer: publicRoot,
    notBefore: start - day,
    notAfter: end
  })
  const findings = foundInChain(leaf('a.example', { issuer }), issuer)
  t.same(codesAt(findings, end - 1000), [])
  t.same(codesAt(findings, end), ['expired-intermediate'])
  t.end()
})

t.test('an intermediate that expires does no harm where another way was sent', (t) => {
  const end = start + 20 * day
  const short = authority('Twice Signed', { issuer: publicRoot, notBefore: start - day, notAfter: end })
  const long = authority('Twice Signed', {
    issuer: publicRoot,
    key: short.key
  })
  const certificate = leaf('a.example', { issuer: short })
  t.same(codesAt(foundInChain(certificate, short, long), end + day), [])
  t.same(codesAt(foundInChain(certificate, long, short), end + day), [])
  t.same(codesAt(foundInChain(certificate, short), end + day), ['expired-intermediate'])
  t.end()
})

t.test('an intermediate of the future is not yet valid until it begins', (t) => {
  const issuer = authority('Early Issuing', {
    issuer: publicRoot,
    notBefore: start + day
  })
  const findings = foundInChain(leaf('a.example', { issuer }), issuer)
  t.same(codesAt(findings, start), ['not-yet-valid'])
  t.same(codesAt(findings, start + day), [])
  t.end()
})

t.test('an issuer that may not issue breaks the chain', (t) => {
  const noAuthority = createCertificate({
    commonName: 'No Authority',
    issuer: publicRoot
  })
  const findings = foundInChain(leaf('a.example', { issuer: noAuthority }), noAuthority)
  const [broken] = findings.filter(({ code }) => code === 'chain-broken')
  t.match(broken?.reason, /An issuer in the path is no CA \(basicConstraints\) \(CN=No Authority\)/)
  t.equal(broken?.severity, 'critical')
  t.end()
})

t.test('weak intermediates are findings of the chain', (t) => {
  const weak = authority('Weak Issuing', {
    issuer: publicRoot,
    key: 'rsa1024'
  })
  t.same(codesAt(foundInChain(leaf('a.example', { issuer: weak }), weak), start), ['weak-key'])
  const old = authority('Old Issuing', {
    issuer: publicRoot,
    hash: 'sha1'
  })
  t.same(codesAt(foundInChain(leaf('a.example', { issuer: old }), old), start), ['sha1-signature'])
  t.end()
})

t.test('a self-signed leaf is no finding of the chain', (t) => {
  t.same(
    codesAt(foundInChain(createCertificate({ names: ['self.example'], notAfter: start + day })), start),
    []
  )
  t.end()
})

t.test('a chain that nothing can read has no finding of its own', (t) => {
  t.same(foundInChain(Uint8Array.of(0x30, 0x03, 0x02, 0x01)), [])
  t.end()
})

t.test('every finding of a chain tells when it holds', (t) => {
  const short = authority('Brief Issuing', { issuer: publicRoot, notAfter: start + day })
  const all = [
    ...foundInChain(leaf('a.example')),
    ...foundInChain(leaf('a.example', { issuer: short }), short)
  ]
  t.same(
    all.map(({ code }) => code),
    ['chain-incomplete', 'expired-intermediate']
  )
  for (const { code, begins, ends } of all) t.ok(begins < ends && ends <= always.ends, code)
  t.end()
})
