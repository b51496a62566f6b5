import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ocspRequest, readOcspResponse } from '../../pki/ocsp.ts'
import { encodePem } from '../../pki/pem.ts'
import { readCertificate } from '../../pki/quick.ts'
import type { RevocationStatus } from '../../pki/revocation.ts'
import { type Authority, authority, openssl } from './pki-authority.ts'
import { element, extension, forge, newKeys, octets, oid, rdn, sequence } from './pki-forge.ts'
import { type OpenSsl, testWithOpenSsl } from './pki-openssl.ts'

const dayMs = 86_400_000

/** asks `openssl ocsp` about a certificate; `signer` names the files of who signs */
function answer(program: OpenSsl, { der, issuer }: Authority, leaf: string, signer: string): Buffer {
  program.write('request.der', ocspRequest(der(leaf), issuer).der)
  const files = '-index index.txt -CA ca.pem -reqin request.der -respout response.der'
  const [name, ...options] = signer.split(' ')
  openssl(program, ['ocsp', files, `-rsigner ${name}.pem -rkey ${name}.key -ndays 2`, ...options].join(' '))
  return readFileSync(join(program.directory, 'response.der'))
}

function read(
  { der, issuer }: Authority,
  leaf: string,
  response: Uint8Array,
  now = Date.now()
): RevocationStatus {
  return readOcspResponse(response, { leaf: der(leaf), issuer, now })
}

testWithOpenSsl('an OCSP response of openssl says what is revoked, and why', (t, program) => {
  const own = authority(program)
  own.issue('responder', 'responder')
  for (const signer of ['ca', 'responder', 'ca -resp_key_id']) {
    const good = read(own, 'good', answer(program, own, 'good', signer))
    t.match(good, { state: 'good' }, `good by ${signer}`)
    t.ok(good.state === 'good' && (good.nextUpdate ?? 0) - good.thisUpdate === 2 * dayMs)
    const revoked = read(own, 'revoked', answer(program, own, 'revoked', signer))
    t.match(revoked, { state: 'revoked', reason: 'keyCompromise' }, `revoked by ${signer}`)
    t.ok(revoked.state === 'revoked' && Math.abs(revoked.at - Date.now()) < 60_000)
  }
  program.write('index.txt', '')
  t.match(read(own, 'good', answer(program, own, 'good', 'ca')), { state: 'unknown' })
})

testWithOpenSsl('only the issuer and whom it has allowed are believed', (t, program) => {
  const own = authority(program)
  own.issue('responder', 'responder')
  own.issue('pretender', 'server')
  const keys = newKeys()
  const name = sequence(rdn('2.5.4.10', 'Test'), rdn('2.5.4.3', 'authority'))
  const forOcsp = extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.9')))
  const impostor = forge({ keys, issuer: { privateKey: newKeys().privateKey, name }, extensions: [forOcsp] })
  program.write('impostor.pem', encodePem(impostor.der))
  program.write('impostor.key', keys.privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const cases = [
    ['responder', 'good'],
    ['responder -resp_no_certs', 'bad-signature'],
    ['pretender', 'unauthorized-signer'],
    ['impostor', 'unauthorized-signer']
  ] as const
  for (const [signer, expected] of cases) {
    const status = read(own, 'good', answer(program, own, 'good', signer))
    t.equal(status.state === 'error' ? status.error : status.state, expected, signer)
  }
  const response = answer(program, own, 'good', 'responder')
  const before = read(own, 'good', response, Date.now() - dayMs)
  t.match(before, { state: 'error', error: 'unauthorized-signer', detail: /is not valid now/ })
})

testWithOpenSsl(
  'a response of another time, about another certificate or spoilt is not believed',
  (t, program) => {
    const own = authority(program)
    const good = answer(program, own, 'good', 'ca')
    const now = Date.now()
    t.match(read(own, 'revoked', good), { state: 'error', error: 'not-about-it' })
    t.match(read(own, 'good', good, now + 3 * dayMs), { state: 'error', error: 'stale' })
    t.match(read(own, 'good', good, now - dayMs), { state: 'error', error: 'not-yet-valid' })
    t.match(read(own, 'good', good, now - 60_000), { state: 'good' }, 'clocks may be a little apart')
    const spoilt = Buffer.from(good.toString('latin1').replace(/(20\d{10})\d\dZ/, '$199Z'), 'latin1')
    t.match(read(own, 'good', spoilt), { state: 'error', error: 'bad-signature' })
    for (const cut of [0, 1, 10, 100, good.length - 1]) {
      t.match(
        read(own, 'good', good.subarray(0, cut)),
        { state: 'error', error: 'malformed' },
        `cut at ${cut}`
      )
    }
  }
)

testWithOpenSsl('openssl understands our request', (t, program) => {
  const { issuer, der } = authority(program)
  const request = ocspRequest(der('good'), issuer)
  program.write('request.der', request.der)
  const text = openssl(program, 'ocsp -reqin request.der -req_text').toString()
  t.match(text, new RegExp(`Issuer Name Hash: ${request.certificateId.issuerNameHash}`, 'i'))
  t.match(text, new RegExp(`Issuer Key Hash: ${request.certificateId.issuerKeyHash}`, 'i'))
  t.match(text, new RegExp(`Serial Number: ${readCertificate(der('good')).serial}`, 'i'))
  t.notMatch(text, /Nonce/)
  const own = openssl(program, 'ocsp -issuer ca.pem -cert good.pem -no_nonce -reqout -')
  t.strictSame(request.der, own.subarray(0, request.der.length), 'it is the same request')
})

testWithOpenSsl('a response signed by RSA-PSS is checked', (t, program) => {
  const own = authority(program, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
  const pss = '-rmd sha512 -rsigopt rsa_padding_mode:pss -rsigopt rsa_pss_saltlen:20'
  t.match(read(own, 'good', answer(program, own, 'good', `ca ${pss}`)), { state: 'good' })
})

t.test('a responder that refuses is told by its word', (t) => {
  const { der } = forge()
  for (const [number, word] of [
    [1, 'malformedRequest'],
    [3, 'tryLater'],
    [6, 'unauthorized']
  ] as const) {
    const response = sequence(element(0x0a, [number]))
    t.match(readOcspResponse(response, { leaf: der, issuer: der, now: 0 }), {
      state: 'error',
      error: 'refused',
      detail: word
    })
  }
  const empty = sequence(element(0x0a, [0]))
  t.match(readOcspResponse(empty, { leaf: der, issuer: der, now: 0 }), { state: 'error', error: 'malformed' })
  const other = sequence(element(0x0a, [0]), element(0xa0, sequence(oid('1.2.3.4'), octets(Buffer.of(5, 0)))))
  t.match(readOcspResponse(other, { leaf: der, issuer: der, now: 0 }), {
    state: 'error',
    error: 'unsupported'
  })
  t.end()
})
