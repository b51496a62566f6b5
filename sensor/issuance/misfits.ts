import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { orderChain, type OrderedChain } from '../../pki/chain-order.ts'
import { type IssuedFlaw, type IssuedReason, saysOf } from '../../pki/issued-reasons.ts'
import { readCertificate } from '../../pki/quick.ts'

/** What a person does about a flaw of a certificate that he brought. */
const remedies: Partial<Readonly<Record<IssuedReason, string>>> = {
  'issuer-missing':
    'Put the intermediate certificates of the CA into the same file, or its root where the root itself has signed.',
  expired: 'Have the CA issue another one.',
  'not-yet-valid': 'Wait until it is valid, and see that the clock of this machine is right.',
  'short-life': 'Have the CA issue one that is valid longer.',
  'name-not-covered': 'Have the CA issue one with every name that was asked for.',
  'loses-name': 'Have the CA issue one with every name that is served.',
  'same-certificate': 'Give its successor.',
  'self-signed': 'Have a CA sign the request.',
  'leaf-is-ca': 'Give the certificate of the server, not that of the CA.',
  'no-server-auth': 'Have the CA issue one for TLS servers.',
  'issuer-expired': 'Give the certificates of the CA that are valid now.',
  'bad-signature': 'Give the certificates of the CA that has signed it.',
  'weak-key': 'Use a key of at least RSA 2048 or P-256.',
  'weak-hash': 'Have the CA sign with SHA-256.'
}

/** The fault of a certificate with flaws that keep it from being used, with what to do about the first of them. */
export function misfit(flaws: readonly IssuedFlaw[]): Fault {
  const problem = visible(flaws.map(saysOf).join('; '), 1000)
  const [first] = flaws
  const remedy = (first && remedies[first.reason]) ?? 'Give another one.'
  return new Fault('chain-unfit', `The certificate does not fit: ${problem}. ${remedy}`, {
    flaws: flaws.map(({ reason }) => reason)
  })
}

/** A chain that is ready to be checked. */
export interface FittingChain extends Pick<OrderedChain, 'strangers'> {
  /** DER, leaf first; ends with the root only where the root has signed the leaf itself */
  readonly chain: readonly Buffer[]
}

/** How a person is told that his file has no certificate for the key. */
export interface WithoutLeaf {
  /** DER of the certificate that is to be replaced, or null */
  readonly replaces: Uint8Array | null
  /** whose key it is and what to do, sentences */
  readonly remedy: string
}

/** The chain of a key from the certificates of a file. Faults: certificate-malformed, chain-unfit. */
export function chainFor(
  spki: string,
  certificates: readonly Uint8Array[],
  { replaces, remedy }: WithoutLeaf
): FittingChain {
  const leaves = certificates.map((der) => readCertificate(der))
  if (!leaves.some((one) => one.spki === spki)) {
    const old = replaces && readCertificate(replaces).fingerprint
    if (leaves.some(({ fingerprint }) => fingerprint === old))
      throw misfit([{ reason: 'same-certificate', detail: '' }])
    const subjects = leaves.slice(0, 5).map(({ subject }) => visible(subject))
    const what = leaves.every(({ isCa }) => isCa)
      ? 'there are only certificates of CAs'
      : 'it is for another key'
    throw new Fault(
      'chain-unfit',
      `The certificate does not fit: ${what} (${subjects.join('; ')}). ${remedy}`
    )
  }
  const { chain, root, strangers } = orderChain(certificates, spki)
  return { chain: chain.length === 1 && root ? [...chain, root] : chain, strangers }
}
