import { Fault } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import { derOf, dottedOf, type Element, octetsOf, parseBer, partsOf, tagged } from './ber.ts'
import { decryptByPassword, macFits, PasswordBudget, WrongPassword } from './password-encryption.ts'
import { type PrivateKey, readPkcs8 } from './private-key.ts'

/** A private key with the certificates that came with it, in no order that could be relied on. */
export interface KeyWithCertificates {
  readonly key: PrivateKey
  /** DER as it stands in the file, each once */
  readonly certificates: readonly Buffer[]
}

const dataId = '1.2.840.113549.1.7.1'
const encryptedDataId = '1.2.840.113549.1.7.6'
const keyBagId = '1.2.840.113549.1.12.10.1.1'
const shroudedKeyBagId = '1.2.840.113549.1.12.10.1.2'
const certBagId = '1.2.840.113549.1.12.10.1.3'
const safeContentsBagId = '1.2.840.113549.1.12.10.1.6'
const x509Id = '1.2.840.113549.1.9.22.1'

/** real files have some 5 to 20 kB */
const maxBytes = 256 << 10
const maxBags = 100
/** safes inside safes: nobody makes more than one level */
const maxDepth = 4

/**
 * Reads the one key and the certificates of a PKCS#12 file (RFC 7292), as OpenSSL (also with -legacy), Windows and
 * Java write it: PBES2 with AES, 3DES or RC2, HMAC up to SHA-512, keys RSA or EC. Certificate lists and other secrets
 * in it are passed over. Faults: passphrase-wrong, pkcs12-malformed, key-unsupported, key-malformed.
 */
export async function readPkcs12(file: Uint8Array, password: Secret | null): Promise<KeyWithCertificates> {
  if (file.length > maxBytes) throw malformed(`it has more than ${maxBytes} bytes`)
  try {
    return await readFile(file, password === null ? null : password.reveal())
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown
    if (thrown instanceof WrongPassword) throw wrongPassword(password !== null)
    throw malformed(thrown instanceof Error ? thrown.message : 'it cannot be read')
  }
}

async function readFile(file: Uint8Array, password: string | null): Promise<KeyWithCertificates> {
  const [version, authSafe, macData] = partsOf(parseBer(file), 'PFX')
  const [type, content] = partsOf(authSafe, 'authSafe')
  if (!version || dottedOf(type, 'contentType') !== dataId) throw new Error('it is signed by a public key')
  const safes = octetsOf(tagged(content, 0, 'authSafe'), 'authSafe')
  const budget = macData ? openBudget(macData, safes, password) : new PasswordBudget(password)
  const found: Found = { keys: [], certificates: [], bags: 0 }
  for (const safe of partsOf(parseBer(safes), 'AuthenticatedSafe')) {
    await readBags(await openSafe(safe, budget), { budget, found, depth: 0 })
  }
  const keys = new Map(found.keys.map((key) => [key.spki, key]))
  const [key] = keys.values()
  if (!key) throw new Error('it holds no private key')
  if (keys.size > 1) throw new Error(`it holds ${keys.size} private keys`)
  const certificates = new Map(found.certificates.map((der) => [der.toString('latin1'), der]))
  return { key, certificates: [...certificates.values()] }
}

/** no password is written as none or as an empty one, and nothing in the file says which */
function openBudget(macData: Element, data: Buffer, password: string | null): PasswordBudget {
  for (const one of password === null || password === '' ? ['', null] : [password]) {
    const budget = new PasswordBudget(one)
    if (macFits(macData, data, budget)) return budget
  }
  throw new WrongPassword()
}

interface Found {
  readonly keys: PrivateKey[]
  readonly certificates: Buffer[]
  bags: number
}

interface Walk {
  readonly budget: PasswordBudget
  readonly found: Found
  readonly depth: number
}

/** the SafeContents of one ContentInfo */
async function openSafe(safe: Element, budget: PasswordBudget): Promise<Element> {
  const [type, content] = partsOf(safe, 'ContentInfo')
  const kind = dottedOf(type, 'contentType')
  const inner = tagged(content, 0, 'content')
  if (kind === dataId) return parseBer(octetsOf(inner, 'SafeContents'))
  if (kind !== encryptedDataId)
    throw new Error(`a part of it is of the kind ${kind}, which needs another key`)
  const [, info] = partsOf(inner, 'EncryptedData')
  const [, algorithm, data] = partsOf(info, 'EncryptedContentInfo')
  const plain = await decryptByPassword(algorithm, octetsOf(data, 'encryptedContent', 0), budget)
  return parsedPlain(plain)
}

/** without a check sum a wrong password shows only in what comes out */
function parsedPlain(plain: Buffer): Element {
  try {
    return parseBer(plain)
  } catch {
    throw new WrongPassword()
  }
}

async function readBags(contents: Element, walk: Walk): Promise<void> {
  const { found, depth } = walk
  if (depth > maxDepth) throw new Error('its parts lie too deep in each other')
  for (const bag of partsOf(contents, 'SafeContents')) {
    if (++found.bags > maxBags) throw new Error(`it holds more than ${maxBags} things`)
    const [id, value] = partsOf(bag, 'SafeBag')
    const kind = dottedOf(id, 'bagId')
    const inner = tagged(value, 0, 'bagValue')
    if (kind === keyBagId) found.keys.push(readPkcs8(derOf(inner)))
    else if (kind === shroudedKeyBagId) found.keys.push(await openKey(inner, walk.budget))
    else if (kind === certBagId) found.certificates.push(...readCertificateBag(inner))
    else if (kind === safeContentsBagId) await readBags(inner, { ...walk, depth: depth + 1 })
  }
}

async function openKey(bag: Element, budget: PasswordBudget): Promise<PrivateKey> {
  const [algorithm, data] = partsOf(bag, 'EncryptedPrivateKeyInfo')
  const plain = await decryptByPassword(algorithm, octetsOf(data, 'encryptedData'), budget)
  parsedPlain(plain)
  return readPkcs8(plain)
}

function readCertificateBag(bag: Element): Buffer[] {
  const [id, value] = partsOf(bag, 'CertBag')
  return dottedOf(id, 'certId') === x509Id ? [octetsOf(tagged(value, 0, 'certValue'), 'certValue')] : []
}

function wrongPassword(isGiven: boolean): Fault {
  const what = isGiven ? 'is another one, or the file is broken' : 'is needed, and none was given'
  return new Fault(
    'passphrase-wrong',
    `The PKCS#12 file does not open: its password ${what}. Give the password that it was exported with.`
  )
}

function malformed(problem: string): Fault {
  return new Fault(
    'pkcs12-malformed',
    `The PKCS#12 file cannot be read: ${problem}. Export it again: one key with its certificates, AES or 3DES.`,
    { problem }
  )
}
