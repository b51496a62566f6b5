import { decapsulate, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { join } from './bytes.ts'
import { p256Generator, type KeyShareOffer } from './hello.ts'
import { groups } from './suites.ts'

// The scan reads a certificate and goes: nothing of ours is kept secret by these keys, and what was read is not
// authenticated. So a private key may be 1 where that is the cheapest: the secret is the server's own share then.

/** Our side of a key agreement: what goes into the hello, and how the server's share becomes a secret. */
export interface KeyAgreement {
  readonly share: KeyShareOffer
  /** the shared secret, or undefined when the server's share is not a key of this group */
  secret(serverShare: Uint8Array): Uint8Array | undefined
}

/** The key agreement of the first hello: P-256 with the private key 1, whose secret is the X coordinate. */
export const sweepAgreement: KeyAgreement = {
  share: { group: groups.p256, key: p256Generator },
  secret: (point) => (point.length === 65 && point[0] === 4 ? point.subarray(1, 33) : undefined)
}

/** One way to agree, before it has the number of a group. `reply`: bytes of the server's share. */
interface Party {
  readonly key: Uint8Array
  readonly reply: number
  secret(serverShare: Uint8Array): Uint8Array | undefined
}

/** Curves of RFC 8446 §4.2.7 and RFC 8734: Node's name, and the bytes of a public key. */
const curves: ReadonlyMap<number, readonly [name: string, length: number]> = new Map([
  [groups.p256, ['P-256', 65]],
  [groups.p384, ['P-384', 97]],
  [groups.p521, ['P-521', 133]],
  [groups.x25519, ['x25519', 32]],
  [groups.x448, ['x448', 56]],
  [31, ['brainpoolP256r1', 65]],
  [32, ['brainpoolP384r1', 97]],
  [33, ['brainpoolP512r1', 129]]
])

/** Finite fields of RFC 7919, and the bytes of their primes. */
const fields: ReadonlyMap<number, number> = new Map([
  [256, 256],
  [257, 384],
  [258, 512],
  [259, 768],
  [260, 1024]
])

/** ML-KEM (FIPS 203): bytes of an encapsulation key and of a ciphertext. */
const kems = {
  'ml-kem-512': [800, 768],
  'ml-kem-768': [1184, 1088],
  'ml-kem-1024': [1568, 1568]
} as const

/** ML-KEM alone (draft-ietf-tls-mlkem). */
const kemGroups: ReadonlyMap<number, keyof typeof kems> = new Map([
  [0x0200, 'ml-kem-512'],
  [0x0201, 'ml-kem-768'],
  [0x0202, 'ml-kem-1024']
])

/** ML-KEM beside a curve, in the order of their shares and secrets (draft-ietf-tls-ecdhe-mlkem §4). */
const hybrids: ReadonlyMap<number, readonly [first: number, second: number]> = new Map([
  [0x11eb, [groups.p256, 0x0201]],
  [0x11ec, [0x0201, groups.x25519]],
  [0x11ed, [groups.p384, 0x0202]]
])

/**
 * Groups that few servers insist on, so that only a refusal makes them worth a hello of their own: finite fields,
 * Brainpool curves, and ML-KEM where this Node has it (24.7 and later).
 */
export function rareGroups(): readonly number[] {
  const kem = [...hybrids.keys(), ...kemGroups.keys()].filter((group) => agreementFor(group) !== undefined)
  return [...kem, ...fields.keys(), 31, 32, 33]
}

const agreements = new Map<number, KeyAgreement | undefined>()

/**
 * The key agreement for a group that a server asks for by a HelloRetryRequest, or undefined for one that we
 * have no key for. One key pair per group serves the whole process.
 */
export function agreementFor(group: number): KeyAgreement | undefined {
  if (agreements.has(group)) return agreements.get(group)
  const party = partyOf(group)
  const agreement = party && {
    share: { group, key: party.key },
    secret: (share: Uint8Array) => (share.length === party.reply ? party.secret(share) : undefined)
  }
  agreements.set(group, agreement)
  return agreement
}

function partyOf(group: number): Party | undefined {
  const hybrid = hybrids.get(group)
  if (hybrid) return bothOf(partyOf(hybrid[0]), partyOf(hybrid[1]))
  const length = fields.get(group)
  if (length !== undefined) return fieldParty(length)
  const kem = kemGroups.get(group)
  if (kem) return kemParty(kem)
  const curve = curves.get(group)
  return curve && curveParty(...curve)
}

/** the private key 1: our share is the generator 2, and what the server sends is the secret */
function fieldParty(length: number): Party {
  const key = new Uint8Array(length)
  key[length - 1] = 2
  return { key, reply: length, secret: (share) => share }
}

function curveParty(name: string, length: number): Party {
  const { publicKey, privateKey } = generatePair(name)
  const der = publicKey.export({ type: 'spki', format: 'der' })
  const prefix = der.subarray(0, der.length - length)
  return {
    key: Uint8Array.from(der.subarray(der.length - length)),
    reply: length,
    secret: (share) =>
      attempt(() => {
        const key = Buffer.concat([prefix, share])
        return diffieHellman({ privateKey, publicKey: { key, format: 'der', type: 'spki' } })
      })
  }
}

function generatePair(name: string): { publicKey: KeyObject; privateKey: KeyObject } {
  if (name === 'x25519') return generateKeyPairSync('x25519')
  return name === 'x448' ? generateKeyPairSync('x448') : generateKeyPairSync('ec', { namedCurve: name })
}

function kemParty(name: keyof typeof kems): Party | undefined {
  const [length, reply] = kems[name]
  const pair = attempt(() => generateKeyPairSync(name))
  if (!pair) return undefined
  const der = pair.publicKey.export({ type: 'spki', format: 'der' })
  return {
    key: Uint8Array.from(der.subarray(der.length - length)),
    reply,
    secret: (share) => attempt(() => decapsulate(pair.privateKey, share))
  }
}

function bothOf(first: Party | undefined, second: Party | undefined): Party | undefined {
  if (!first || !second) return undefined
  return {
    key: join(first.key, second.key),
    reply: first.reply + second.reply,
    secret(share) {
      const one = first.secret(share.subarray(0, first.reply))
      const other = second.secret(share.subarray(first.reply))
      return one && other && join(one, other)
    }
  }
}

/** what a key of the server that is none comes to: an expected outcome; so is what this Node does not have */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}
