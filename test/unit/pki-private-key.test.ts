import { generateKeyPairSync, hash, X509Certificate } from 'node:crypto'
import { inspect } from 'node:util'
import t from 'tap'
import { Secret } from '../../core/secret.ts'
import { maxIterations } from '../../pki/password-cost.ts'
import { keyFamily, keyTypes, makePrivateKey, readPrivateKey, signingKey } from '../../pki/private-key.ts'
import { openssl } from './pki-authority.ts'
import { element, integer, octets, oid, sequence } from './pki-forge.ts'
import { testWithOpenSsl } from './pki-openssl.ts'

const passphrase = new Secret('correct horse')
const secretOf = (bytes: Buffer | string) => new Secret(bytes.toString())

t.test('a key of every type is made, and reads back as itself', async (t) => {
  for (const type of keyTypes) {
    const key = await makePrivateKey(type)
    t.match(key, { type, spki: /^[0-9a-f]{64}$/ })
    t.match(key.pem.reveal(), /^-----BEGIN PRIVATE KEY-----/)
    const again = readPrivateKey(key.pem)
    t.same([again.type, again.spki], [key.type, key.spki])
    t.equal(keyFamily(type), type.startsWith('rsa') ? 'rsa' : 'ecdsa')
  }
})

t.test('a key shows itself nowhere', async (t) => {
  const key = await makePrivateKey('ec-p256')
  for (const text of [inspect(key), JSON.stringify(key), String(key.pem)]) {
    t.notMatch(text, /PRIVATE KEY|MIG/)
  }
})

const forms: readonly (readonly [name: string, key: string, ...command: readonly string[]])[] = [
  ['PKCS#1', 'rsa', 'rsa', '-traditional'],
  ['SEC1', 'ec', 'ec'],
  ['PKCS#8', 'rsa', 'pkcs8', '-topk8', '-nocrypt'],
  ['PKCS#8 of an EC key', 'ec', 'pkcs8', '-topk8', '-nocrypt'],
  ['PKCS#1 encrypted', 'rsa', 'rsa', '-traditional', '-aes256', '-passout', 'pass:correct horse'],
  ['SEC1 encrypted', 'ec', 'ec', '-aes128', '-passout', 'pass:correct horse'],
  ['PKCS#8 encrypted', 'rsa', 'pkcs8', '-topk8', '-passout', 'pass:correct horse'],
  ['PKCS#8 3DES', 'ec', 'pkcs8', '-topk8', '-v1', 'PBE-SHA1-3DES', '-passout', 'pass:correct horse'],
  ['PKCS#8 scrypt', 'ec', 'pkcs8', '-topk8', '-scrypt', '-passout', 'pass:correct horse']
]

testWithOpenSsl('the forms that openssl writes are read', (t, program) => {
  openssl(program, 'genrsa -out rsa.key 2048')
  openssl(program, 'ecparam -name prime256v1 -genkey -out ec.key')
  for (const [name, key, ...command] of forms) {
    const text = secretOf(program.run(...command, '-in', `${key}.key`))
    const spki = hash('sha256', openssl(program, `pkey -in ${key}.key -pubout -outform DER`), 'hex')
    const read = readPrivateKey(text, passphrase)
    t.same([read.type, read.spki], [key === 'rsa' ? 'rsa-2048' : 'ec-p256', spki], name)
    if (!name.includes('encrypted') && !command.includes('-passout')) continue
    t.throws(() => readPrivateKey(text), { code: 'passphrase-wrong' }, `${name} without a passphrase`)
    t.throws(() => readPrivateKey(text, new Secret('wrong')), { code: 'passphrase-wrong' }, `${name}, wrong`)
  }
})

testWithOpenSsl('a key is found among certificates and parameters', (t, program) => {
  openssl(program, 'ecparam -name secp384r1 -genkey -out ec.key')
  const certificate = openssl(program, 'req -x509 -new -key ec.key -subj /CN=bundle -days 2').toString()
  const key = openssl(program, 'pkey -in ec.key').toString()
  const parameters = openssl(program, 'ecparam -name secp384r1').toString()
  const read = readPrivateKey(secretOf(`${certificate}${parameters}${key}`))
  t.equal(read.type, 'ec-p384')
  t.ok(new X509Certificate(certificate).checkPrivateKey(signingKey(read)))
  t.throws(() => readPrivateKey(secretOf(key + key)), { code: 'key-malformed', message: /2 private keys/ })
})

t.test('what is no key, or no key of ours, is a fault that says so', (t) => {
  const pem = (key: ReturnType<typeof generateKeyPairSync>['privateKey']) =>
    secretOf(key.export({ type: 'pkcs8', format: 'pem' }))
  t.throws(() => readPrivateKey(new Secret('hello')), { code: 'key-malformed', message: /no PRIVATE KEY/ })
  t.throws(() => readPrivateKey(new Secret('x'.repeat((1 << 20) + 1))), { code: 'key-malformed' })
  const broken = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'
  t.throws(() => readPrivateKey(new Secret(broken)), { code: 'key-malformed' })
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
  t.throws(() => readPrivateKey(pem(small)), { code: 'key-unsupported', message: /rsa 1024/ })
  const curve = generateKeyPairSync('ec', { namedCurve: 'secp521r1' }).privateKey
  t.throws(() => readPrivateKey(pem(curve)), { code: 'key-unsupported', message: /secp521r1/ })
  const edwards = generateKeyPairSync('ed25519').privateKey
  t.throws(() => readPrivateKey(pem(edwards)), { code: 'key-unsupported', message: /ed25519/ })
  t.end()
})

t.test('a key whose halves do not belong together is refused', (t) => {
  const [one, other] = [0, 1].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  const der = one?.export({ type: 'sec1', format: 'der' }) ?? Buffer.alloc(0)
  const foreign = other?.export({ type: 'sec1', format: 'der' }) ?? Buffer.alloc(0)
  // the private number stands in front of the point
  const mixed = Buffer.concat([der.subarray(0, 50), foreign.subarray(50)])
  const text = `-----BEGIN EC PRIVATE KEY-----\n${mixed.toString('base64')}\n-----END EC PRIVATE KEY-----`
  t.throws(() => readPrivateKey(new Secret(text)), {
    code: 'key-malformed',
    message: /belong together|not take/
  })
  t.end()
})

t.test('a passphrase that would take hours is refused before it is tried', (t) => {
  const parameters = (count: Buffer) =>
    sequence(
      sequence(oid('1.2.840.113549.1.5.12'), sequence(octets(Buffer.from('saltsalt')), count)),
      sequence(oid('2.16.840.1.101.3.4.1.42'), octets(Buffer.alloc(16)))
    )
  const key = (...count: number[]) => {
    const algorithm = sequence(oid('1.2.840.113549.1.5.13'), parameters(integer(...count)))
    const der = sequence(algorithm, element(0x04, Buffer.alloc(64)))
    return `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${der.toString('base64')}\n-----END ENCRYPTED PRIVATE KEY-----`
  }
  const hours = new Secret(key(0x7f, 0xff, 0xff, 0xff))
  t.throws(() => readPrivateKey(hours, passphrase), { code: 'key-malformed', message: /2147483647 rounds/ })
  t.throws(() => readPrivateKey(new Secret(key(0x0f, 0xff)), passphrase), { code: 'passphrase-wrong' })
  t.ok(maxIterations < 0x7fff_ffff)
  t.end()
})
