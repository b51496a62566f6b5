import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import {
  ascii,
  authorityKeyId,
  caExtensions,
  commonName,
  dnsNames,
  extension,
  forge,
  integer,
  keyIdOf,
  octets,
  oid,
  rdn,
  sequence,
  utcTime,
  type Forged
} from '../test/unit/pki-forge.ts'

/** A chain that servers of the bench show: leaf and intermediate, as large as real ones. */
export interface ServedMaterial {
  readonly id: string
  readonly leaf: string
  /** a name that the leaf covers */
  readonly host: string
  readonly certificates: readonly Uint8Array[]
}

/** Everything that the store is filled with. */
export interface StoreMaterial {
  /** DER of the roots, trusted as public ones */
  readonly roots: readonly Uint8Array[]
  readonly chains: readonly ServedMaterial[]
}

const day = 86_400_000

/**
 * Makes `count` chains of distinct leaves of about 1.1 kB, half signed by an RSA and half by an ECDSA
 * intermediate, valid for 398 days, of which those that expire within 30 days are one in thirteen.
 */
export function makeStoreMaterial(count: number, now: number): StoreMaterial {
  const authorities = [makeAuthority('RSA'), makeAuthority('ECDSA')] as const
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const spki = keys.publicKey.export({ type: 'spki', format: 'der' })
  const chains = Array.from({ length: count }, (_, at) => {
    const { intermediate } = authorities[at % 2 === 0 ? 0 : 1]
    const host = `host-${at}.department-${at % 97}.bench.test`
    const leaf = makeLeaf({ at, host, count, now, intermediate, keys, spki })
    return served(host, [leaf, intermediate.der])
  })
  return { roots: authorities.map(({ root }) => root.der), chains }
}

function served(host: string, certificates: readonly Uint8Array[]): ServedMaterial {
  const sha256 = (...parts: readonly Uint8Array[]) => {
    const sum = createHash('sha256')
    for (const part of parts) sum.update(part)
    return sum.digest('hex')
  }
  return { id: sha256(...certificates), leaf: sha256(...certificates.slice(0, 1)), host, certificates }
}

type Keys = { readonly publicKey: KeyObject; readonly privateKey: KeyObject }

function makeAuthority(type: 'RSA' | 'ECDSA'): { root: Forged; intermediate: Forged } {
  const newKeys = (): Keys =>
    type === 'RSA'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const rootKeys = newKeys()
  const root = forge({
    subject: authorityName(`Bench Root ${type}`),
    keys: rootKeys,
    extensions: caExtensions(rootKeys)
  })
  const keys = newKeys()
  const intermediate = forge({
    subject: authorityName(`Bench Issuing ${type} 1`),
    keys,
    issuer: root,
    extensions: [...caExtensions(keys), authorityKeyId(root.publicKey)]
  })
  return { root, intermediate }
}

const authorityName = (name: string) =>
  sequence(rdn('2.5.4.6', 'US'), rdn('2.5.4.10', 'Tlsward Bench'), rdn('2.5.4.3', name))

interface Leaf {
  readonly at: number
  readonly host: string
  readonly count: number
  readonly now: number
  readonly intermediate: Forged
  readonly keys: Keys
  readonly spki: Buffer
}

/** Each leaf has a key of its own: the modulus is changed, which nothing notices as long as nobody signs. */
function makeLeaf({ at, host, count, now, intermediate, keys, spki }: Leaf): Buffer {
  const ownKey = Buffer.from(spki)
  ownKey.writeUInt32BE(at, 60)
  const notAfter = now + Math.floor(((at * 7919) % count) * ((398 * day) / count))
  const names = ['', 'www.', 'api.', 'login.', 'static.'].map((prefix) => `${prefix}${host}`)
  const serial = createHash('sha256').update(`serial ${at}`).digest().subarray(0, 15)
  return forge({
    serial: integer(0x4a, ...serial),
    subject: commonName(host),
    notBefore: utcTime(asUtc(notAfter - 398 * day)),
    notAfter: utcTime(asUtc(notAfter)),
    spki: ownKey,
    keys,
    issuer: intermediate,
    extensions: [
      extension('2.5.29.15', Buffer.from('030205a0', 'hex'), true),
      extension('2.5.29.19', sequence(), true),
      extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'))),
      extension('2.5.29.14', octets(keyIdOf(keys.publicKey))),
      authorityKeyId(intermediate.publicKey),
      informationAccess,
      dnsNames(...names),
      extension('2.5.29.32', sequence(sequence(oid('2.23.140.1.2.1')))),
      timestamps
    ]
  }).der
}

const informationAccess = extension(
  '1.3.6.1.5.5.7.1.1',
  sequence(
    sequence(oid('1.3.6.1.5.5.7.48.1'), ascii(0x86, 'http://ocsp.bench.test')),
    sequence(oid('1.3.6.1.5.5.7.48.2'), ascii(0x86, 'http://ca.bench.test/issuing-1.crt'))
  )
)

/** as long as two signed certificate timestamps */
const timestamps = extension('1.3.6.1.4.1.11129.2.4.2', octets(Buffer.alloc(242, 0x5a)))

function asUtc(ms: number): string {
  return `${new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(2, 14)}Z`
}
