import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import t from 'tap'
import { readTime, writeTime } from '../../acme/messages/fields.ts'
import { linksOf, mediaTypeOf, readRetryAfter } from '../../acme/messages/headers.ts'
import { fromBase64url, isNonce } from '../../acme/messages/jws.ts'
import {
  acmeIdentifierValue,
  dnsRecordText,
  keyAuthorization
} from '../../acme/messages/key-authorization.ts'
import { problemTypes } from '../../acme/messages/problem-types.ts'
import { problemUri, readProblem } from '../../acme/messages/problem.ts'
import { certificateId } from '../../acme/messages/renewal-info.ts'
import { faultCodes } from '../../core/fault.ts'
import { createAuthority, createCertificate } from '../peers/certificates.ts'

t.test('Retry-After is read as seconds and as a date, and never believed too far', (t) => {
  const now = Date.parse('2030-06-01T12:00:00Z')
  const hour = 3_600_000
  const cases: readonly (readonly [string | undefined, number | null])[] = [
    [undefined, null],
    ['', null],
    ['0', 0],
    ['120', 120_000],
    [' 5 ', 5000],
    ['3600', hour],
    ['3601', hour],
    ['9'.repeat(400), hour],
    ['1.5', null],
    ['-1', null],
    ['0x10', null],
    ['Sat, 01 Jun 2030 12:00:30 GMT', 30_000],
    ['Saturday, 01-Jun-30 12:00:30 GMT', 30_000],
    ['Sat Jun  1 12:00:30 2030', 30_000],
    ['Sat, 01 Jun 2030 11:00:00 GMT', 0],
    ['Sat, 01 Jun 2031 12:00:00 GMT', hour],
    ['Sat, 99 Jun 2030 12:00:00 GMT', null],
    ['2030-06-01T12:00:30Z', null],
    ['tomorrow', null]
  ]
  for (const [header, wanted] of cases) t.equal(readRetryAfter(header, now, hour), wanted, header ?? 'none')
  t.end()
})

t.test('Retry-After is null or within its bounds, whatever it says', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.integer().map(String), fc.date().map(String)), (header) => {
      const ms = readRetryAfter(header, Date.now(), 1000)
      return ms === null || (ms >= 0 && ms <= 1000)
    })
  )
  t.end()
})

t.test('links are read by their relation', (t) => {
  const header =
    '<https://a.test/dir>;rel="index", <https://a.test/1>; rel="alternate", <https://a.test/2>;title="x, y";REL=alternate, <https://a.test/3> ; rel="up Alternate"'
  t.same(linksOf(header, 'alternate'), ['https://a.test/1', 'https://a.test/2', 'https://a.test/3'])
  t.same(linksOf(header, 'index'), ['https://a.test/dir'])
  t.same(linksOf(header, 'next'), [])
  t.same(linksOf(undefined, 'next'), [])
  t.same(linksOf('<a>;rel=next<b;rel="next"', 'next'), ['a'], 'a broken one does no harm')
  fc.assert(fc.property(fc.string(), (text) => Array.isArray(linksOf(text, 'next'))))
  t.end()
})

t.test('media types are read without their parameters', (t) => {
  t.equal(mediaTypeOf('Application/JSON; charset=utf-8'), 'application/json')
  t.equal(mediaTypeOf(undefined), '')
  t.end()
})

t.test('times are RFC 3339 and nothing else', (t) => {
  t.equal(readTime('2030-01-02T03:04:05Z'), Date.UTC(2030, 0, 2, 3, 4, 5))
  t.equal(readTime('2030-01-02T03:04:05.123456789+01:00'), Date.UTC(2030, 0, 2, 2, 4, 5, 123))
  for (const text of ['2030-01-02', '2030-13-02T03:04:05Z', 'Jan 2 2030', '', null, undefined]) {
    t.equal(readTime(text), null, String(text))
  }
  t.equal(writeTime(Date.UTC(2030, 0, 2, 3, 4, 5, 678)), '2030-01-02T03:04:05Z')
  t.end()
})

t.test('base64url and nonces are strict', (t) => {
  t.same(fromBase64url('AQID'), Buffer.from([1, 2, 3]))
  t.same(fromBase64url(''), Buffer.alloc(0))
  for (const text of ['AQID=', 'A+ID', 'A/ID', 'AQI D', 'AQIDA']) t.equal(fromBase64url(text), null, text)
  t.ok(isNonce('oFvnlFP1wIhRlYS2jTaXbA'))
  for (const nonce of ['', 'a b', 'a=', 'x'.repeat(2000), undefined]) t.notOk(isNonce(nonce))
  t.end()
})

t.test('challenges are answered as the RFCs say', (t) => {
  // RFC 8555 §8.1 has no vector: built from the text of it
  const proof = keyAuthorization('token', 'thumbprint')
  t.equal(proof, 'token.thumbprint')
  const digest = createHash('sha256').update(proof).digest()
  t.equal(dnsRecordText(proof), digest.toString('base64url'))
  t.same(acmeIdentifierValue(proof), digest)
  t.end()
})

// RFC 9773, appendix A
const exampleCertificate = Buffer.from(
  'MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFtcGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDASBgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFfqzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4ByNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK',
  'base64'
)

t.test('the id of a certificate is that of RFC 9773', (t) => {
  t.equal(certificateId(exampleCertificate), 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE')
  const issuer = createAuthority('Some CA')
  const { der } = createCertificate({ names: ['a.test'], issuer, serial: '0102' })
  t.equal(certificateId(der), `${Buffer.from(issuer.keyId).toString('base64url')}.AQI`)
  t.throws(() => certificateId(Buffer.from('no')), { code: 'certificate-malformed' })
  t.end()
})

t.test('the table of problem types is complete and in order', (t) => {
  // RFC 8555 §6.7, then those of RFC 8739, 9115, 9773, 9799 and of draft-ietf-acme-profiles
  const known = [
    ...'accountDoesNotExist alreadyRevoked badCSR badNonce badPublicKey badRevocationReason'.split(' '),
    ...'badSignatureAlgorithm caa compound connection dns externalAccountRequired incorrectResponse'.split(
      ' '
    ),
    ...'invalidContact malformed orderNotReady rateLimited rejectedIdentifier serverInternal tls'.split(' '),
    ...'unauthorized unsupportedContact unsupportedIdentifier userActionRequired autoRenewalCanceled'.split(
      ' '
    ),
    ...'autoRenewalExpired autoRenewalCancellationInvalid autoRenewalRevocationNotSupported'.split(' '),
    ...'unknownDelegation alreadyReplaced onionCAARequired invalidProfile'.split(' ')
  ]
  t.same(
    Object.keys(problemTypes),
    known.toSorted((one, other) => (one < other ? -1 : 1))
  )
  for (const [type, { code, because, remedy }] of Object.entries(problemTypes)) {
    t.ok(Object.hasOwn(faultCodes, code) && code.startsWith('acme-'), type)
    t.match(because, /^[a-zCAN].*[^.]$/, `${type}: part of a sentence`)
    t.match(remedy, /^[A-Z].*\.$/, `${type}: a sentence`)
  }
  t.end()
})

t.test('problems are read whatever their form, and nothing in them acts on a terminal', (t) => {
  const frame = { status: 403, retryAfterMs: null }
  t.match(readProblem({ type: problemUri('caa') }, frame), { type: 'caa', status: 403, detail: null })
  t.match(readProblem({ type: 'urn:acme:error:caa' }, frame), { type: 'caa' }, 'the older namespace')
  t.match(readProblem({ type: problemUri('toString') }, frame), { type: problemUri('toString') })
  t.match(readProblem({}, frame), { type: 'other' })
  t.match(readProblem({ type: 'about:blank', status: 7 }, { status: 0, retryAfterMs: 5 }), {
    type: 'other',
    status: 0,
    retryAfterMs: 5
  })
  t.equal(readProblem('text', frame), null)
  t.equal(readProblem({ subproblems: 5 }, frame), null)
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const shown = JSON.stringify(readProblem(value, frame) ?? '')
      return !/[\u0000-\u001f\u007f-\u009f\u202e]/.test(shown)
    })
  )
  t.end()
})
