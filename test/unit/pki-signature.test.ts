import { constants, generateKeyPairSync, sign } from 'node:crypto'
import t from 'tap'
import { checkSignature } from '../../pki/signature.ts'
import { newKeys } from './pki-forge.ts'

t.test('signatures of every family are checked, with the right kind of key only', (t) => {
  const data = Buffer.from('what was signed')
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = newKeys()
  const dsa = generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 })
  const ed25519 = generateKeyPairSync('ed25519')
  const ed448 = generateKeyPairSync('ed448')
  const padding = constants.RSA_PKCS1_PSS_PADDING
  const cases = [
    { algorithm: 'RSA-SHA1', keys: rsa, signature: sign('sha1', data, rsa.privateKey) },
    { algorithm: 'RSA-SHA3-256', keys: rsa, signature: sign('sha3-256', data, rsa.privateKey) },
    {
      algorithm: 'RSA-PSS',
      keys: rsa,
      signature: sign('sha256', data, { key: rsa.privateKey, padding, saltLength: 32 })
    },
    { algorithm: 'ECDSA-SHA384', keys: ec, signature: sign('sha384', data, ec.privateKey) },
    { algorithm: 'DSA-SHA256', keys: dsa, signature: sign('sha256', data, dsa.privateKey) },
    { algorithm: 'Ed25519', keys: ed25519, signature: sign(null, data, ed25519.privateKey) },
    { algorithm: 'Ed448', keys: ed448, signature: sign(null, data, ed448.privateKey) }
  ]
  for (const { algorithm, keys: signer, signature } of cases) {
    const signed = { algorithm, pssHash: algorithm === 'RSA-PSS' ? 'SHA256' : null, data, signature }
    t.equal(checkSignature(signed, signer.publicKey), 'good', algorithm)
    t.equal(checkSignature({ ...signed, data: Buffer.from('another') }, signer.publicKey), 'bad', algorithm)
    const wrongKey = signer === rsa ? ec : rsa
    t.equal(checkSignature(signed, wrongKey.publicKey), 'bad', algorithm)
    t.equal(checkSignature({ ...signed, algorithm: '1.2.3.4' }, signer.publicKey), 'unsupported')
  }
  const renamed = {
    algorithm: 'ECDSA-SHA256',
    pssHash: null,
    data,
    signature: sign('sha256', data, rsa.privateKey)
  }
  t.equal(checkSignature(renamed, rsa.publicKey), 'bad', 'the algorithm must fit the key')
  const odd = { algorithm: 'RSA-MD2', pssHash: null, data, signature: Buffer.alloc(256) }
  t.equal(checkSignature(odd, rsa.publicKey), 'unsupported')
  t.end()
})
