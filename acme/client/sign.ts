import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPair,
  type KeyObject,
  type KeyPairKeyObjectResult
} from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint, FlattenedSign } from 'jose'
import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import {
  fromBase64url,
  type MacAlgorithm,
  type ProtectedHeader,
  type PublicJwk,
  type SignatureAlgorithm,
  type SignedMessage
} from '../messages/jws.ts'

/** A private key that signs requests: of an account, or of a certificate that is to be revoked. */
export interface Signer {
  readonly algorithm: SignatureAlgorithm
  readonly jwk: PublicJwk
  /** SHA-256 of the JWK, base64url (RFC 7638): what challenges are answered with */
  readonly thumbprint: string
  /** signs a payload; none makes a POST-as-GET (RFC 8555 §6.3) */
  sign(header: SignerHeader, payload: object | null): Promise<SignedMessage>
}

/** A protected header without the algorithm, which is the key's; an inner message has no nonce. */
export type SignerHeader =
  | Pick<ProtectedHeader, 'nonce' | 'url'>
  | (Pick<ProtectedHeader, 'nonce' | 'url'> & { readonly kid: string })
  | { readonly url: string }

/**
 * The signer of a private key, PKCS#8 PEM: RSA of 2048 bits or more (RS256), P-256, P-384, P-521. Throws a Fault
 * acme-key.
 */
export async function openSigner(privateKey: Secret): Promise<Signer> {
  const key = readPrivateKey(privateKey)
  const algorithm = algorithmOf(key)
  const jwk = jwkOf(key)
  return {
    algorithm,
    jwk,
    thumbprint: await calculateJwkThumbprint(jwk, 'sha256'),
    sign: (header, payload) =>
      signed(payload, { alg: algorithm, ...('kid' in header ? {} : { jwk }), ...header }, key)
  }
}

/** A fresh private key for an account, PKCS#8 PEM. ES256 is accepted everywhere and the quickest. */
export async function createAccountKey(algorithm: SignatureAlgorithm = 'ES256'): Promise<Secret> {
  const { privateKey } = await generatePair(algorithm)
  return new Secret(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
}

/** What a CA made so that an account can be bound to one that it has already (RFC 8555 §7.3.4). */
export interface ExternalBinding {
  readonly keyId: string
  /** the MAC key, base64url */
  readonly macKey: Secret
  /** default HS256 */
  readonly algorithm?: MacAlgorithm
}

/** The binding of an account key, to be sent with the new account. Throws a Fault acme-settings. */
export async function signBinding(
  { keyId, macKey, algorithm = 'HS256' }: ExternalBinding,
  jwk: PublicJwk,
  url: string
): Promise<SignedMessage> {
  // padding and the other alphabet come from mailers and consoles; the bytes are the same
  const text = macKey.reveal().trim().replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
  const bytes = fromBase64url(text)
  if (!bytes || bytes.length === 0) {
    throw new Fault(
      'acme-settings',
      `The MAC key of the external account binding ${keyId} is no base64url. Copy it again from the CA.`,
      { field: 'macKey', keyId }
    )
  }
  return signed(jwk, { alg: algorithm, kid: keyId, url }, createSecretKey(bytes))
}

/** The header that signs in at a proxy (RFC 7617). */
export function proxyAuthorization(user: string, password: Secret): string {
  return `Basic ${Buffer.from(`${user}:${password.reveal()}`).toString('base64')}`
}

async function signed(payload: object | null, header: object, key: KeyObject): Promise<SignedMessage> {
  const bytes = Buffer.from(payload === null ? '' : JSON.stringify(payload))
  const message = await new FlattenedSign(bytes).setProtectedHeader({ ...header }).sign(key)
  return { protected: message.protected ?? '', payload: message.payload, signature: message.signature }
}

function readPrivateKey(privateKey: Secret): KeyObject {
  try {
    return createPrivateKey(privateKey.reveal())
  } catch {
    // without the cause: what a library says of a key may quote it
    throw unusable('it is no private key in PEM, or it is encrypted')
  }
}

const curves: Readonly<Record<string, SignatureAlgorithm>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512'
}

function algorithmOf(key: KeyObject): SignatureAlgorithm {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'rsa') {
    if (modulusLength < 2048) throw unusable(`RSA of ${modulusLength} bits is too small`)
    return 'RS256'
  }
  const algorithm = key.asymmetricKeyType === 'ec' ? curves[namedCurve] : undefined
  if (algorithm === undefined) {
    throw unusable(`no CA takes ${namedCurve || key.asymmetricKeyType || 'such a key'}`)
  }
  return algorithm
}

function jwkOf(key: KeyObject): PublicJwk {
  const { kty, crv = '', x = '', y = '', e = '', n = '' } = createPublicKey(key).export({ format: 'jwk' })
  return kty === 'EC' ? { kty, crv, x, y } : { kty: 'RSA', e, n }
}

function unusable(why: string): Fault {
  return new Fault(
    'acme-key',
    `The key cannot sign for ACME: ${why}. Give RSA of 2048 bits or more, P-256, P-384 or P-521, as PKCS#8 PEM.`,
    { why }
  )
}

function generatePair(algorithm: SignatureAlgorithm): Promise<KeyPairKeyObjectResult> {
  const generate = promisify(generateKeyPair)
  if (algorithm === 'RS256') return generate('rsa', { modulusLength: 2048 })
  return generate('ec', { namedCurve: { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[algorithm] })
}
