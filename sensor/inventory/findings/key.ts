import { applyRules, finding, type Finding, type Rule } from './finding.ts'

/** How a private key is in use at present. */
export interface JudgedKey {
  /** leaf certificates with this key that endpoints show */
  readonly certificates: number
  /** addresses on which endpoints show them */
  readonly addresses: number
}

/** Addresses on which one certificate may be without a remark: a cluster with its spare. */
export const addressLimit = 10

/**
 * Several certificates with one key are a warning: a key should go with its certificate, and this one lives on
 * through renewals or stands in for several services. One certificate on many addresses is a note: that is how
 * clusters are built, but it says how far one theft reaches.
 */
const sameKey: Rule<JudgedKey> = ({ certificates, addresses }) => {
  const facts = { certificates, addresses }
  if (certificates > 1) {
    const reason = `Its key is in ${certificates} certificates that are in use, on ${places(addresses)}.`
    return [finding('same-key', { severity: 'warning', reason, facts })]
  }
  if (addresses <= addressLimit) return []
  return [finding('same-key', { reason: `Its key is in use on ${places(addresses)}.`, facts })]
}

function places(addresses: number): string {
  return addresses === 1 ? '1 address' : `${addresses} addresses`
}

/** What there is to say about the use of a key, the same for each of its certificates. */
export function keyFindings(key: JudgedKey): Finding[] {
  return applyRules([sameKey], key)
}
