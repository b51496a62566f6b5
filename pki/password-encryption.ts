import { createDecipheriv, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import forge from 'node-forge'
import { dottedOf, type Element, isType, numberOf, octetsOf, partsOf } from './ber.ts'
import { maxIterations } from './password-cost.ts'

/** A password and the rounds that it may still cost. */
export class PasswordBudget {
  /** null: none, which is not the same as an empty one */
  readonly password: string | null
  #left = maxIterations

  constructor(password: string | null) {
    this.password = password
  }

  /** Takes rounds off, or throws an Error when there are not so many. */
  spend(rounds: number): void {
    this.#left -= rounds
    if (this.#left < 0) throw new Error(`its password takes more than ${maxIterations} rounds`)
    if (rounds < 1) throw new Error('its password takes no rounds')
  }
}

/** The password does not fit: padding or check sum are wrong. */
export class WrongPassword extends Error {}

const pbes2Id = '1.2.840.113549.1.5.13'
const pbkdf2Id = '1.2.840.113549.1.5.12'

/** Ciphers of PBES2: name and bytes of the key. */
const ciphers: Readonly<Record<string, readonly [name: string, keyBytes: number]>> = {
  '2.16.840.1.101.3.4.1.2': ['aes-128-cbc', 16],
  '2.16.840.1.101.3.4.1.22': ['aes-192-cbc', 24],
  '2.16.840.1.101.3.4.1.42': ['aes-256-cbc', 32],
  '1.2.840.113549.3.7': ['des-ede3-cbc', 24]
}

/** Hashes of PBKDF2 by their HMAC (RFC 8018 §B.1). */
const prfs: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512'
}

/** Schemes of RFC 7292 §C, all with SHA-1: cipher, bytes of the key. */
const pkcs12Schemes: Readonly<
  Record<string, readonly [name: 'des-ede3-cbc' | 'des-ede-cbc' | 'rc2', keyBytes: number]>
> = {
  '1.2.840.113549.1.12.1.3': ['des-ede3-cbc', 24],
  '1.2.840.113549.1.12.1.4': ['des-ede-cbc', 16],
  '1.2.840.113549.1.12.1.5': ['rc2', 16],
  '1.2.840.113549.1.12.1.6': ['rc2', 5]
}

/**
 * Decrypts by an AlgorithmIdentifier of PBES2 with PBKDF2 (RFC 8018 §6.2) or of PKCS#12 (RFC 7292 §C). Throws
 * WrongPassword, or an Error with the reason.
 */
export async function decryptByPassword(
  algorithm: Element | undefined,
  data: Buffer,
  budget: PasswordBudget
): Promise<Buffer> {
  const [id, parameters] = partsOf(algorithm, 'encryptionAlgorithm')
  const scheme = dottedOf(id, 'encryptionAlgorithm')
  const fields = partsOf(parameters, 'parameters of the encryption')
  if (scheme === pbes2Id) return decryptPbes2(fields, data, budget)
  const known = pkcs12Schemes[scheme]
  if (!known) throw new Error(`its encryption ${scheme} is not known`)
  const salt = octetsOf(fields[0], 'salt')
  const rounds = numberOf(fields[1], 'iterations')
  budget.spend(2 * rounds)
  const [name, keyBytes] = known
  const key = pkcs12Key(budget.password, { salt, rounds, purpose: 1, bytes: keyBytes, hash: 'sha1' })
  const iv = pkcs12Key(budget.password, { salt, rounds, purpose: 2, bytes: 8, hash: 'sha1' })
  return name === 'rc2' ? decryptRc2(key, iv, data) : decipher(name, key, iv, data)
}

async function decryptPbes2(
  fields: readonly Element[],
  data: Buffer,
  budget: PasswordBudget
): Promise<Buffer> {
  const [kdf, kdfParameters] = partsOf(fields[0], 'keyDerivationFunc')
  const kdfId = dottedOf(kdf, 'keyDerivationFunc')
  if (kdfId !== pbkdf2Id) throw new Error(`its key derivation ${kdfId} is not known`)
  const [salt, iterations, ...rest] = partsOf(kdfParameters, 'parameters of PBKDF2')
  const rounds = numberOf(iterations, 'iterations')
  // the length of the key, which may stand before the hash, is the cipher's
  const hash = hashOf(rest.find((one) => isType(one, 'SEQUENCE')))
  const [cipher, iv] = partsOf(fields[1], 'encryptionScheme')
  const cipherId = dottedOf(cipher, 'encryptionScheme')
  const known = ciphers[cipherId]
  if (!known) throw new Error(`its cipher ${cipherId} is not known`)
  const [name, keyBytes] = known
  budget.spend(rounds)
  const key = await deriveKey(budget.password ?? '', octetsOf(salt, 'salt'), rounds, keyBytes, hash)
  return decipher(name, key, octetsOf(iv, 'iv'), data)
}

const deriveKey = promisify(pbkdf2)

function hashOf(prf: Element | undefined): string {
  if (!prf) return 'sha1'
  const id = dottedOf(partsOf(prf, 'prf')[0], 'prf')
  const hash = prfs[id]
  if (hash === undefined) throw new Error(`its hash ${id} is not known`)
  return hash
}

function decipher(name: string, key: Buffer, iv: Buffer, data: Buffer): Buffer {
  try {
    const cipher = createDecipheriv(name, key, iv)
    return Buffer.concat([cipher.update(data), cipher.final()])
  } catch {
    throw new WrongPassword()
  }
}

/** OpenSSL 3 has RC2 only in a module that Node does not load */
function decryptRc2(key: Buffer, iv: Buffer, data: Buffer): Buffer {
  const cipher = forge.rc2.createDecryptionCipher(key.toString('latin1'), key.length * 8)
  cipher.start(iv.toString('latin1'))
  cipher.update(forge.util.createBuffer(data.toString('latin1')))
  if (!cipher.finish()) throw new WrongPassword()
  const plain = cipher.output
  if (!plain) throw new WrongPassword()
  return Buffer.from(plain.getBytes(), 'latin1')
}

type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512'

interface Pkcs12KeyRecipe {
  readonly salt: Buffer
  readonly rounds: number
  /** 1: key, 2: IV, 3: MAC */
  readonly purpose: 1 | 2 | 3
  readonly bytes: number
  readonly hash: HashName
}

/** RFC 7292 §B.2 */
function pkcs12Key(password: string | null, { salt, rounds, purpose, bytes, hash }: Pkcs12KeyRecipe): Buffer {
  const buffer = forge.util.createBuffer(salt.toString('latin1'))
  const key = forge.pkcs12.generateKey(password, buffer, purpose, rounds, bytes, forge.md[hash].create())
  return Buffer.from(key.getBytes(), 'latin1')
}

/** Hashes of the check sum of a file: name and bytes. */
const macHashes: Readonly<Record<string, readonly [name: HashName, bytes: number]>> = {
  '1.3.14.3.2.26': ['sha1', 20],
  '2.16.840.1.101.3.4.2.1': ['sha256', 32],
  '2.16.840.1.101.3.4.2.2': ['sha384', 48],
  '2.16.840.1.101.3.4.2.3': ['sha512', 64]
}

/** Does the MacData (RFC 7292 §4) fit the bytes under the password? Throws an Error with the reason. */
export function macFits(macData: Element, data: Buffer, budget: PasswordBudget): boolean {
  const [digestInfo, macSalt, iterations] = partsOf(macData, 'macData')
  const [algorithm, digest] = partsOf(digestInfo, 'mac')
  const id = dottedOf(partsOf(algorithm, 'mac algorithm')[0], 'mac algorithm')
  const known = macHashes[id]
  if (!known) throw new Error(`its check sum ${id} is not known`)
  const [hash, bytes] = known
  const rounds = iterations ? numberOf(iterations, 'mac iterations') : 1
  budget.spend(rounds)
  const key = pkcs12Key(budget.password, {
    salt: octetsOf(macSalt, 'macSalt'),
    rounds,
    purpose: 3,
    bytes,
    hash
  })
  const expected = createHmac(hash, key).update(data).digest()
  const found = octetsOf(digest, 'mac')
  return found.length === expected.length && timingSafeEqual(found, expected)
}
