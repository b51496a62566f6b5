import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { inspect } from 'node:util'
import { flattenedVerify } from 'jose'
import t from 'tap'
import { createAccountKey, openSigner, signBinding } from '../../acme/client/sign.ts'
import { macAlgorithms, signatureAlgorithms } from '../../acme/messages/jws.ts'
import { Secret } from '../../core/secret.ts'

const pkcs8 = (key: KeyObject) => new Secret(key.export({ type: 'pkcs8', format: 'pem' }).toString())

t.test('every kind of account key signs what its public key verifies', async (t) => {
  for (const algorithm of signatureAlgorithms) {
    const signer = await openSigner(await createAccountKey(algorithm))
    t.equal(signer.algorithm, algorithm)
    const key = createPublicKey({ key: { ...signer.jwk }, format: 'jwk' })
    const header = { nonce: 'n', url: 'https://a.test/new' }
    const first = await flattenedVerify(await signer.sign(header, { a: 1 }), key)
    t.same(first.protectedHeader, { alg: algorithm, jwk: signer.jwk, ...header }, 'by its key')
    t.same(JSON.parse(Buffer.from(first.payload).toString()), { a: 1 })
    const named = { ...header, kid: 'https://a.test/1' }
    const second = await flattenedVerify(await signer.sign(named, null), key)
    t.same(second.protectedHeader, { alg: algorithm, ...named }, "in its account's name")
    t.equal(second.payload.length, 0, 'and without a payload')
  }
})

t.test('the thumbprint is that of RFC 7638', async (t) => {
  for (const algorithm of signatureAlgorithms) {
    const { jwk, thumbprint } = await openSigner(await createAccountKey(algorithm))
    const { crv, e, kty, n, x, y }: Readonly<Record<string, string>> = jwk
    // the required members in the order of their names, without white space
    const text = JSON.stringify({ crv, e, kty, n, x, y })
    t.equal(thumbprint, createHash('sha256').update(text).digest('base64url'))
    t.notHas(jwk, { d: {} }, 'the private part stays away')
  }
})

t.test('a binding is a MAC over the account key', async (t) => {
  const { jwk } = await openSigner(await createAccountKey())
  const bytes = Buffer.alloc(32, 7)
  const url = 'https://a.test/new-account'
  for (const algorithm of macAlgorithms) {
    const macKey = new Secret(bytes.toString('base64url'))
    const message = await signBinding({ keyId: 'kid-1', macKey, algorithm }, jwk, url)
    const { payload, protectedHeader } = await flattenedVerify(message, bytes)
    t.same(protectedHeader, { alg: algorithm, kid: 'kid-1', url }, 'without a nonce')
    t.same(JSON.parse(Buffer.from(payload).toString()), jwk)
  }
  const odd = Buffer.from('fbff', 'hex')
  for (const text of ['-_8', '+/8=', ' -_8= \n']) {
    const message = await signBinding({ keyId: 'k', macKey: new Secret(text) }, jwk, url)
    t.ok(await flattenedVerify(message, odd), `${text.trim()} is the same key`)
  }
  for (const text of ['', '  ', 'not a key', 'A']) {
    const binding = { keyId: 'k', macKey: new Secret(text) }
    await t.rejects(signBinding(binding, jwk, url), { code: 'acme-settings' })
  }
})

t.test('keys that no CA takes are refused, and not shown', async (t) => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
  const k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey
  const ed = generateKeyPairSync('ed25519').privateKey
  const locked = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
    publicKeyEncoding: { type: 'spki', format: 'pem' }
  }).privateKey
  const text = 'MIIsecretbytes'
  const cases: readonly (readonly [Secret, RegExp])[] = [
    [pkcs8(rsa), /RSA of 1024 bits is too small/],
    [pkcs8(k1), /secp256k1/],
    [pkcs8(ed), /ed25519/],
    [new Secret(locked), /encrypted/],
    [new Secret(`-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----\n`), /no private key/],
    [new Secret(''), /no private key/]
  ]
  for (const [key, message] of cases) {
    const fault = await openSigner(key).catch((thrown: unknown) => thrown)
    t.match(fault, { code: 'acme-key', message })
    t.notMatch(inspect(fault, { depth: 9 }), text)
  }
  const signer = await openSigner(await createAccountKey())
  t.notMatch(inspect(signer, { depth: 9, showHidden: true }), /PRIVATE|"d"/)
})
