import type { FaultCode } from '../../core/fault.ts'

/** What one type of problem means: the code of the fault it becomes, and the words for a person. */
export interface ProblemTypeRow {
  readonly code: FaultCode
  /** completes "because …" */
  readonly because: string
  /** a sentence: what to do about it */
  readonly remedy: string
}

/** Every ACME problem type asks for a row here; `urn:ietf:params:acme:error:` stands before each word. */
export const problemNamespace = 'urn:ietf:params:acme:error:'

/**
 * The types of problem that a CA can name: the registry of RFC 8555 §9.7.4, with those of RFC 8739 (short-term
 * renewal), RFC 9115 (delegation), RFC 9773 (renewal information), RFC 9799 (onion names) and
 * draft-ietf-acme-profiles. docs/acme.md shows the table.
 */
export const problemTypes = {
  accountDoesNotExist: row(
    'acme-account',
    'the CA has no account with this key',
    'Register the account again.'
  ),
  alreadyReplaced: row(
    'acme-conflict',
    'another order has replaced that certificate already',
    'Order without naming the certificate that is replaced.'
  ),
  alreadyRevoked: row('acme-conflict', 'the certificate is revoked already', 'Nothing is left to do.'),
  autoRenewalCanceled: row('acme-refused', 'the recurrent order was cancelled', 'Place a new order.'),
  autoRenewalCancellationInvalid: row(
    'acme-refused',
    'a recurrent order in this state cannot be cancelled',
    'Look at the order at the CA.'
  ),
  autoRenewalExpired: row('acme-refused', 'the recurrent order has expired', 'Place a new order.'),
  autoRenewalRevocationNotSupported: row(
    'acme-refused',
    'certificates of recurrent orders are not revoked',
    'Cancel the order instead.'
  ),
  badCSR: row(
    'acme-refused',
    'the CA does not accept the certificate signing request',
    'Check its names, key type and key size against what the CA allows.'
  ),
  badNonce: row(
    'acme-unavailable',
    'the CA kept refusing the nonces that it gave',
    'Try again later; if it stays so, tell the CA.'
  ),
  badPublicKey: row(
    'acme-refused',
    'the CA does not accept the public key',
    'Use another type or size of key.'
  ),
  badRevocationReason: row(
    'acme-refused',
    'the CA does not allow this reason of revocation',
    'Give another reason, or none.'
  ),
  badSignatureAlgorithm: row(
    'acme-refused',
    'the CA does not accept the signature algorithm of the key',
    'Use an account key of another type: ES256 or RS256 are accepted everywhere.'
  ),
  caa: row(
    'acme-validation',
    'a CAA record in DNS forbids this CA to issue',
    'Allow the CA in the CAA records of the name.'
  ),
  compound: row('acme-refused', 'several things are wrong', 'See what is said of each name.'),
  connection: row(
    'acme-validation',
    'the CA could not connect to validate the name',
    'Make the place of validation reachable for the CA.'
  ),
  dns: row(
    'acme-validation',
    'the CA got no good answer from DNS',
    'Check the DNS records of the name as the CA sees them.'
  ),
  externalAccountRequired: row(
    'acme-account',
    'the CA registers only accounts that are bound to one it has already',
    'Give the key id and the MAC key that the CA made (external account binding).'
  ),
  incorrectResponse: row(
    'acme-validation',
    'what the CA found at the place of validation was not what it wanted',
    'Check that nothing else answers at that place.'
  ),
  invalidContact: row('acme-refused', 'a contact address is not valid', 'Correct the contact address.'),
  invalidProfile: row(
    'acme-refused',
    'the CA does not offer this profile, or not to this account',
    'Choose a profile that the CA lists, or none.'
  ),
  malformed: row(
    'acme-refused',
    'the CA calls the request malformed',
    'Check names and settings; else report it with the message.'
  ),
  onionCAARequired: row(
    'acme-refused',
    'the CA needs the CAA records of the onion service',
    'Use a CA that does not ask for them.'
  ),
  orderNotReady: row(
    'acme-conflict',
    'the order is not in the state for this',
    'Read the order again, and go on from its state.'
  ),
  rateLimited: row(
    'acme-rate-limited',
    'a rate limit of the CA is reached',
    'Wait until the CA allows it again.'
  ),
  rejectedIdentifier: row(
    'acme-refused',
    'the CA does not issue for a name',
    'Leave the name out, or use a CA that may issue for it.'
  ),
  serverInternal: row('acme-unavailable', 'the CA has trouble of its own', 'Try again later.'),
  tls: row(
    'acme-validation',
    'the CA met a TLS error while it validated the name',
    'Check what answers on port 443 of the name.'
  ),
  unauthorized: row(
    'acme-account',
    'the account may not do this, or a name is not authorized',
    'Check the account and its rights at the CA, and whether it is deactivated.'
  ),
  unknownDelegation: row(
    'acme-refused',
    'the CA knows no such delegation',
    'Correct the delegation of the order.'
  ),
  unsupportedContact: row(
    'acme-refused',
    'the CA does not support this kind of contact',
    'Give an e-mail address as the contact (mailto:).'
  ),
  unsupportedIdentifier: row(
    'acme-refused',
    'the CA does not issue for this kind of name',
    'Use a CA that issues for it (IP addresses are rare).'
  ),
  userActionRequired: row(
    'acme-account',
    'a person must do something at the CA first',
    "Open the page that the CA names, or look at the account on the CA's web site."
  )
} as const satisfies Record<string, ProblemTypeRow>

/** A type of problem in the table. */
export type ProblemType = keyof typeof problemTypes

/** The row of a type, or undefined for one that is not in the table. */
export function problemRow(type: string): ProblemTypeRow | undefined {
  return Object.hasOwn(problemTypes, type) ? problemTypes[type as ProblemType] : undefined
}

function row(code: FaultCode, because: string, remedy: string): ProblemTypeRow {
  return { code, because, remedy }
}
