import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { ChainCertificate } from '../../pki/chain-certificate.ts'
import { encodePem, readPem } from '../../pki/pem.ts'
import type { BoundPlan, Bundle, BundleItem, CertificateItem, KeyFamily } from '../contract.ts'

/** A certificate that passed {@link checkCertificates}, in the forms that files hold. */
export interface CheckedCertificate {
  readonly family: KeyFamily
  readonly fingerprint: string
  readonly der: Buffer
  /** PEM, LF, no blank lines */
  readonly leaf: string
  /** PEM of the intermediates, in order; empty when there are none */
  readonly chain: string
}

/** A certificate with its key that passed {@link checkBundle}. */
export interface CheckedPair extends CheckedCertificate {
  /** PKCS#8 PEM */
  readonly key: Secret
}

/** more than a key of 16,384 bits with a dozen intermediates takes */
const largest = 256 * 1024

/**
 * Holds a bundle against its plan and against itself. Servers do not: Apache's test loads no certificate at all, and
 * nginx's passes a key of another type; both then serve nothing. Throws a Fault device-refused that names what is wrong.
 */
export function checkBundle(plan: BoundPlan, bundle: Bundle, now: number): CheckedPair[] {
  return plan.families.map((family) => {
    const item = itemFor(plan, bundle, family)
    if (!('key' in item)) throw wrong(family, 'it comes without its key')
    return checkPair(item, now)
  })
}

/**
 * The same for certificates whose keys the device has made: each must carry the key that the plan was bound to. Throws
 * a Fault device-refused.
 */
export function checkCertificates(plan: BoundPlan, bundle: Bundle, now: number): CheckedCertificate[] {
  return plan.families.map((family) => {
    const { leaf, checked } = checkCertificate(itemFor(plan, bundle, family), now)
    if (leaf.fields.spki !== plan.deviceKeys?.[family]) {
      throw wrong(family, 'it is not for the key that the device has made')
    }
    return checked
  })
}

function itemFor(plan: BoundPlan, bundle: Bundle, family: KeyFamily): Bundle[number] {
  const items = bundle.filter((item) => item.family === family)
  const [item] = items
  if (!item || items.length > 1) throw wrong(family, 'the plan needs exactly one certificate of this kind')
  if (item.fingerprint !== plan.bound[family]) {
    throw wrong(family, 'it is not the one that the plan was bound to')
  }
  return item
}

/** One certificate with its key and chain; see {@link checkBundle}. */
export function checkPair(item: BundleItem, now: number): CheckedPair {
  const { leaf, checked } = checkCertificate(item, now)
  const key = privateKey(item)
  if (!leaf.publicKey?.equals(createPublicKey(key))) {
    throw wrong(item.family, 'the private key belongs to another certificate')
  }
  return { ...checked, key: new Secret(key.export({ type: 'pkcs8', format: 'pem' }).toString()) }
}

interface Checked {
  readonly leaf: ChainCertificate
  readonly checked: CheckedCertificate
}

function checkCertificate(item: CertificateItem, now: number): Checked {
  const { family } = item
  const leaf = only(item.leaf, family)
  const chain = item.chain.map((pem) => only(pem, family))
  const { fields } = leaf
  if (fields.fingerprint !== item.fingerprint) throw wrong(family, 'its fingerprint is another one')
  const wanted = family === 'rsa' ? 'RSA' : 'ECDSA'
  if (fields.keyType !== wanted) throw wrong(family, `its key is ${fields.keyType}, not ${wanted}`)
  checkStrength([leaf, ...chain], family)
  if (now < fields.notBefore) throw wrong(family, 'it is not valid yet')
  if (now >= fields.notAfter) throw wrong(family, 'it has expired')
  checkOrder([leaf, ...chain], family)
  const checked = {
    family,
    fingerprint: item.fingerprint,
    der: Buffer.from(leaf.der),
    leaf: encodePem(leaf.der),
    chain: chain.map(({ der }) => encodePem(der)).join('')
  }
  if (checked.leaf.length + checked.chain.length > largest)
    throw wrong(family, 'it is too large for a server')
  return { leaf, checked }
}

function only(pem: string, family: KeyFamily): ChainCertificate {
  const blocks = readPem(pem)
  const [block] = blocks
  if (blocks.length !== 1 || block?.label !== 'CERTIFICATE') {
    throw wrong(
      family,
      `one PEM certificate was expected, not ${blocks.map(({ label }) => label).join(', ')}`
    )
  }
  return new ChainCertificate(block.der)
}

function privateKey(item: BundleItem): KeyObject {
  try {
    return createPrivateKey(item.key.reveal())
  } catch {
    // OpenSSL's message could show parts of what it read
    throw wrong(item.family, 'the private key cannot be read as unencrypted PEM')
  }
}

/** what OpenSSL refuses to load at the security level of today's distributions (SSL_CTX_set_security_level(3), 2) */
function checkStrength(path: readonly ChainCertificate[], family: KeyFamily): void {
  for (const [at, { fields }] of path.entries()) {
    const which = at === 0 ? 'it' : `certificate ${at} of its chain`
    const { keyType, keyBits, signatureAlgorithm } = fields
    if (keyType === 'RSA' && keyBits < 2048)
      throw wrong(family, `${which} has an RSA key of only ${keyBits} bits`)
    if (/MD\d$|SHA1$/.test(signatureAlgorithm))
      throw wrong(family, `${which} is signed by ${signatureAlgorithm}`)
  }
}

/** each is signed by the next: servers send them as they stand, and clients stop where the order breaks */
function checkOrder(path: readonly ChainCertificate[], family: KeyFamily): void {
  for (const [at, issuer] of path.slice(1).entries()) {
    const child = path[at]
    if (!child?.isSignedBy(issuer)) {
      throw wrong(family, `its chain is out of order: certificate ${at + 1} is not signed by the next one`)
    }
  }
}

function wrong(family: KeyFamily, what: string): Fault {
  const name = family === 'rsa' ? 'RSA' : 'ECDSA'
  return new Fault(
    'device-refused',
    `The ${name} certificate cannot be deployed: ${what}. Nothing was changed.`,
    {
      family
    }
  )
}
