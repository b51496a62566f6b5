import { Type, type Static } from 'typebox'

/** Signature algorithms of account and certificate keys (RFC 7518 §3.1). */
export const signatureAlgorithms = ['ES256', 'ES384', 'ES512', 'RS256'] as const
export type SignatureAlgorithm = (typeof signatureAlgorithms)[number]

/** MAC algorithms of an external account binding (RFC 8555 §7.3.4). */
export const macAlgorithms = ['HS256', 'HS384', 'HS512'] as const
export type MacAlgorithm = (typeof macAlgorithms)[number]

/** A signed message in the flattened JSON form (RFC 7515 §7.2.2), the only one of ACME. */
export const SignedMessage = Type.Object({
  protected: Type.String(),
  payload: Type.String(),
  signature: Type.String()
})
export type SignedMessage = Static<typeof SignedMessage>

/** A public key as JWK (RFC 7517), with the members that its thumbprint covers and no others. */
export type PublicJwk =
  | { readonly kty: 'EC'; readonly crv: string; readonly x: string; readonly y: string }
  | { readonly kty: 'RSA'; readonly e: string; readonly n: string }

/** The protected header of a request (RFC 8555 §6.2): who signs is told by the key or by the account's URL. */
export type ProtectedHeader = {
  readonly alg: SignatureAlgorithm
  readonly nonce: string
  readonly url: string
} & ({ readonly jwk: PublicJwk } | { readonly kid: string })

const base64url = /^[A-Za-z0-9_-]*$/

/** The bytes of base64url without padding (RFC 7515 §2), or null when the text is something else. */
export function fromBase64url(text: string): Buffer | null {
  return base64url.test(text) && text.length % 4 !== 1 ? Buffer.from(text, 'base64url') : null
}

/** Is it a nonce (RFC 8555 §6.5.1)? What is none must be ignored. */
export function isNonce(text: unknown): text is string {
  return typeof text === 'string' && text.length > 0 && text.length <= 1024 && base64url.test(text)
}
