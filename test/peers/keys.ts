import { type KeyObject, generateKeyPairSync } from 'node:crypto'

const rsa = (modulusLength: number) => () => generateKeyPairSync('rsa', { modulusLength }).privateKey
const ec = (namedCurve: string) => () => generateKeyPairSync('ec', { namedCurve }).privateKey

/** How each kind of key is made. RSA-2048 takes about 25 ms, RSA-4096 about 400 ms, the others next to nothing. */
const makers = {
  rsa1024: rsa(1024),
  rsa2048: rsa(2048),
  rsa3072: rsa(3072),
  rsa4096: rsa(4096),
  'rsa-pss': () => generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey,
  p224: ec('P-224'),
  p256: ec('P-256'),
  p384: ec('P-384'),
  p521: ec('P-521'),
  secp256k1: ec('secp256k1'),
  brainpool256: ec('brainpoolP256r1'),
  ed25519: () => generateKeyPairSync('ed25519').privateKey,
  ed448: () => generateKeyPairSync('ed448').privateKey,
  dsa1024: () => generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).privateKey
} as const satisfies Record<string, () => KeyObject>

/** A kind of key that certificates can be made with. */
export type KeyKind = keyof typeof makers

/** A fresh private key. */
export function createKey(kind: KeyKind): KeyObject {
  return makers[kind]()
}
