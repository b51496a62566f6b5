import t from 'tap'
import { makeCsr } from '../../pki/csr.ts'
import { encodePem } from '../../pki/pem.ts'
import { makePrivateKey, type KeyType } from '../../pki/private-key.ts'
import { checkDeviceRequest } from '../../sensor/issuance/device-request.ts'

const names = ['shop.test', '192.0.2.7', '2001:db8::7']

async function requestFor(type: KeyType, wanted: readonly string[]): Promise<Buffer> {
  return makeCsr({ key: await makePrivateKey(type), names: wanted, subject: { CN: 'shop.test' } })
}

const pemOf = (der: Uint8Array) => encodePem(der, 'CERTIFICATE REQUEST')

for (const keyType of ['ec-p256', 'ec-p384', 'rsa-2048', 'rsa-3072'] as const) {
  t.test(`a request of a device for ${keyType} is taken, and no other type`, async (t) => {
    const key = await makePrivateKey(keyType)
    const pem = pemOf(await makeCsr({ key, names, subject: {} }))
    t.equal(checkDeviceRequest(pem, { keyType, names }).spki, key.spki)
    const other = keyType === 'ec-p256' ? 'ec-p384' : 'ec-p256'
    t.throws(() => checkDeviceRequest(pem, { keyType: other, names }), {
      code: 'device-refused',
      message: new RegExp(`its key is ${keyType}, and ${other} was asked for`)
    })
  })
}

t.test('a request that asks for less, for more, or for nothing at all is refused', async (t) => {
  const asked = { keyType: 'ec-p256', names } as const
  const refused = (pem: string, message: RegExp) =>
    t.throws(() => checkDeviceRequest(pem, asked), { code: 'device-refused', message })
  refused(pemOf(await requestFor('ec-p256', ['shop.test'])), /lacks 192\.0\.2\.7, 2001:db8::7/)
  refused(pemOf(await requestFor('ec-p256', [...names, 'evil.test'])), /asks for evil\.test too/)
  refused('', /no single PKCS#10 request/)
  const good = pemOf(await requestFor('ec-p256', names))
  refused(good + good, /no single PKCS#10 request/)
})

t.test('a request that its own key has not signed is refused', async (t) => {
  const der = await requestFor('ec-p256', names)
  der.writeUInt8((der.at(-1) ?? 0) ^ 1, der.length - 1)
  t.throws(() => checkDeviceRequest(pemOf(der), { keyType: 'ec-p256', names }), { code: 'csr-malformed' })
})
