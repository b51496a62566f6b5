import { type Certificate, createAuthority, createCertificate } from './certificates.ts'

/** The certificates that most peers share: two small authorities and a leaf of each. */
export interface Testbed {
  readonly rsaRoot: Certificate
  readonly ecdsaRoot: Certificate
  readonly rsaIssuer: Certificate
  readonly ecdsaIssuer: Certificate
  /** RSA-2048, chain of two */
  readonly rsa: Certificate
  /** P-256, chain of two */
  readonly ecdsa: Certificate
}

/** Names and addresses that the leafs of the testbed are good for. */
export const ownNames = { names: ['peer.test', 'localhost'], ips: ['127.0.0.1', '::1'] } as const

/** Makes the certificates (about 0.1 s). */
export function createTestbed(): Testbed {
  const rsaRoot = createAuthority('Peers RSA root', { key: 'rsa2048' })
  const ecdsaRoot = createAuthority('Peers ECDSA root')
  const below = { authority: { pathLength: 0 } } as const
  const rsaIssuer = createAuthority('Peers RSA issuer', { key: 'rsa2048', issuer: rsaRoot, ...below })
  const ecdsaIssuer = createAuthority('Peers ECDSA issuer', { issuer: ecdsaRoot, ...below })
  return {
    rsaRoot,
    ecdsaRoot,
    rsaIssuer,
    ecdsaIssuer,
    rsa: createCertificate({ ...ownNames, key: 'rsa2048', issuer: rsaIssuer }),
    ecdsa: createCertificate({ ...ownNames, issuer: ecdsaIssuer })
  }
}
