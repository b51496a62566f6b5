import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import type { TrustStore } from '../../pki/trust-store.ts'
import type { CertificateFields } from '../../pki/fields.ts'
import { refusesIssued } from '../../pki/issued-reasons.ts'
import { checkIssued } from '../../pki/issued.ts'
import { keyFamily, readPrivateKey } from '../../pki/private-key.ts'
import { readCertificate } from '../../pki/quick.ts'
import type { CertificateRequest, Issuer, IssuerCheck, Progress } from './issuer.ts'
import type { KeyRing } from './key-ring.ts'

/** A certificate on the shelf: it was imported with its key. */
export interface ShelvedCertificate {
  /** DER, leaf first */
  readonly chain: readonly Uint8Array[]
  /** name of its key in the key ring */
  readonly key: string
}

/** What the issuer works with. */
export interface ImportTools {
  /** everything that was imported, in any order */
  readonly shelf: () => readonly ShelvedCertificate[]
  readonly keys: KeyRing
  readonly clock: Clock
  /** roots that are known here: one may have signed a leaf itself */
  readonly known: () => TrustStore
}

const warnMs = 30 * 86_400_000

/**
 * The issuer that gives what was bought elsewhere: of the certificates on the shelf that cover the names, that with the
 * wanted kind of key, then that which is valid longest. Where none does, or the best is the one to be replaced, a person
 * has to import its successor.
 */
export function importIssuer(tools: ImportTools): Issuer {
  return {
    keyFrom: 'issuer',
    advance: (request) => Promise.resolve().then(() => advance(request, tools)),
    abandon: () => Promise.resolve({ state: 'abandoned' }),
    renewalWindow: () => Promise.resolve(null),
    revoke: () =>
      Promise.reject(
        new Fault(
          'certificate-foreign',
          'The certificate was imported. Revoke it at the CA that it was bought from.'
        )
      ),
    check: () => Promise.resolve().then(() => check(tools))
  }
}

interface Candidate extends ShelvedCertificate {
  readonly leaf: CertificateFields
}

function candidates({ shelf }: ImportTools): Candidate[] {
  return shelf().flatMap(({ chain, key }) => {
    const [der] = chain
    return der ? [{ chain, key, leaf: readCertificate(der) }] : []
  })
}

function advance({ names, keyType, replaces }: CertificateRequest, tools: ImportTools): Progress {
  const { known } = tools
  const now = tools.clock.now()
  const rank = ({ leaf }: Candidate) => (leaf.keyType.toLowerCase() === keyFamily(keyType) ? 1 : 0)
  const [best] = candidates(tools)
    .filter(
      ({ chain, leaf }) => !checkIssued({ chain, spki: leaf.spki, names, now, known }).some(refusesIssued)
    )
    .sort((one, other) => rank(other) - rank(one) || other.leaf.notAfter - one.leaf.notAfter)
  if (!best) return { state: 'person', why: `import a certificate for ${names.join(', ')}, with its key` }
  if (replaces && readCertificate(replaces).fingerprint === best.leaf.fingerprint) {
    const end = new Date(best.leaf.notAfter).toISOString()
    const why = `import the successor of ${visible(best.leaf.subject)}, which ends ${end}, with its key`
    return { state: 'person', why }
  }
  const pem = tools.keys.read(best.key)
  if (pem === null) {
    const message = `The key ${best.key} of an imported certificate is not there. Import it again.`
    throw new Fault('key-missing', message, { key: best.key })
  }
  return { state: 'issued', chain: best.chain, key: readPrivateKey(pem) }
}

/** certificates that a check names */
const mostListed = 20

function check(tools: ImportTools): IssuerCheck {
  const now = tools.clock.now()
  const found = candidates(tools).toSorted((one, other) => one.leaf.notAfter - other.leaf.notAfter)
  const valid = found.filter(({ leaf }) => leaf.notAfter > now)
  return {
    name: 'imported certificates',
    facts: {
      certificates: String(found.length),
      ...Object.fromEntries(
        valid.slice(0, mostListed).map(({ leaf }) => [visible(leaf.subject), `until ${endOf(leaf)}`])
      )
    },
    profiles: {},
    problems: [
      ...lack(found, valid),
      ...valid.filter(({ key }) => tools.keys.read(key) === null).map(keyless)
    ],
    warnings: valid
      .filter(({ leaf }) => leaf.notAfter - now < warnMs)
      .map(({ leaf }) => `${visible(leaf.subject)} ends ${endOf(leaf)}: import its successor`)
  }
}

function endOf({ notAfter }: CertificateFields): string {
  return new Date(notAfter).toISOString()
}

function lack(found: readonly Candidate[], valid: readonly Candidate[]): string[] {
  if (valid.length > 0) return []
  const last = found.at(-1)
  if (!last) return ['nothing is imported: tlsward import FILE --name with the name of this issuer']
  return [
    `every certificate has expired, the last one ${endOf(last.leaf)}: import its successor with tlsward import`
  ]
}

function keyless({ leaf }: Candidate): string {
  return `the key of ${visible(leaf.subject)} is not in the vault: import it again, or restore the vault`
}
