import { hash } from 'node:crypto'
import { createCache } from '../../core/cache.ts'
import { Fault } from '../../core/fault.ts'
import type { CertificateFields } from '../../pki/fields.ts'
import type { ServedChain } from '../scan/observation.ts'
import type { CertificateName, NewCertificate } from '../store/certificates.ts'
import type { KeptState, StateColumns } from '../store/states.ts'
import type { Store } from '../store/store.ts'
import { always } from './findings/finding.ts'
import { createJudge, readOr, type Trust } from './judging.ts'

/** What keeping certificates works with. */
export interface KeepingDeps {
  readonly store: Store
  readonly trust: Trust
}

/** Intermediates whose fields are remembered: they come back with every leaf. */
const remembered = 1_000

/**
 * Keeps certificates, chains and states, each once, and judges each when it is kept. To be called inside of a
 * transaction.
 */
export function createKeeping({ store, trust }: KeepingDeps) {
  const judge = createJudge({ store, trust })
  const intermediates = createCache<string, CertificateFields>(remembered)

  /** The certificate's id, its fields (null when nothing can read it), and whether it is new. */
  function certificate(der: Uint8Array, at: number) {
    const fingerprint = hash('sha256', der, 'hex')
    const known = store.certificates.idOf(fingerprint)
    const read = intermediates.get(fingerprint) ?? readOr(der, fingerprint)
    if (!(read instanceof Fault) && read.isCa) intermediates.set(fingerprint, read)
    const id = known ?? store.certificates.add(certificateColumns(read, { der, fingerprint, at }))
    return { id, der, read, isNew: known === undefined }
  }

  return {
    /** Forgets what a failed transaction made it remember. */
    forget: () => judge.forget(),

    /**
     * The id of a chain, and how many certificates were new with it. A chain that is not kept yet must bring its
     * certificates.
     */
    chain(served: ServedChain, at: number): { id: number; added: number } {
      const known = store.chains.idOf(served.id)
      if (known !== undefined) return { id: known, added: 0 }
      const members = (served.certificates ?? []).map((der) => certificate(der, at))
      const [leaf, ...rest] = members
      if (!leaf)
        throw new Fault('internal', `Tlsward made a mistake: chain ${served.id} came without certificates`)
      const verdict = judge.verdictOf(members, at)
      const ids = [leaf.id, ...rest.map((one) => one.id)] as const
      const id = store.chains.add(served.id, ids, JSON.stringify(verdict.kept))
      judge.chain({ id, leaf, verdict, at })
      return { id, added: new Set(members.filter((one) => one.isNew).map((one) => one.id)).size }
    },

    /** A state by what makes it one. */
    state(columns: StateColumns): KeptState {
      const known = store.states.find(columns)
      if (known) return known
      const leaves = judge.leafRows(columns)
      const expires = Math.min(always.ends, ...leaves.map((row) => row.notAfter))
      const kept = store.states.add({ ...columns, expires, label: leaves[0]?.label ?? '' })
      judge.state(kept.id, columns)
      return kept
    },

    /** Judges what an endpoint shows for the name that it is asked for. */
    name(endpoint: number, name: string, shown: StateColumns): void {
      judge.name(endpoint, name, shown)
    }
  }
}

interface Encoded {
  readonly der: Uint8Array
  readonly fingerprint: string
  readonly at: number
}

/** What is kept of a certificate; of one that nothing can read, that it is there. */
function certificateColumns(
  read: CertificateFields | Fault,
  { der, fingerprint, at }: Encoded
): NewCertificate {
  if (!(read instanceof Fault)) return { ...columnsOf(read), names: namesOf(read), der, firstSeen: at }
  return {
    fingerprint,
    label: 'unreadable certificate',
    subject: '',
    issuer: '',
    serial: '',
    notBefore: always.begins,
    notAfter: always.ends,
    keyType: 'other',
    keyBits: 0,
    curve: null,
    signatureAlgorithm: '',
    // its key is unknown: a value of its own keeps it apart from every other
    spki: fingerprint,
    subjectKeyId: null,
    authorityKeyId: null,
    isCa: false,
    selfIssued: false,
    names: [],
    der,
    firstSeen: at
  }
}

function columnsOf(fields: CertificateFields): Omit<NewCertificate, 'names' | 'der' | 'firstSeen'> {
  const { fingerprint, subject, commonName, dnsNames, ipAddresses } = fields
  return {
    fingerprint,
    label: commonName || dnsNames[0] || ipAddresses[0] || subject || fingerprint,
    subject,
    issuer: fields.issuer,
    serial: fields.serial,
    notBefore: fields.notBefore,
    notAfter: fields.notAfter,
    keyType: fields.keyType,
    keyBits: fields.keyBits,
    curve: fields.curve,
    signatureAlgorithm: fields.signatureAlgorithm,
    spki: fields.spki,
    subjectKeyId: fields.subjectKeyId,
    authorityKeyId: fields.authorityKeyId,
    isCa: fields.isCa,
    selfIssued: fields.selfIssued
  }
}

/** Names of a certificate that it can be found by. Issuers sign some hundreds; servers can write fifty thousand. */
const mostNames = 5_000

function namesOf({ dnsNames, ipAddresses, emails, uris }: CertificateFields): CertificateName[] {
  const named = (kind: CertificateName['kind'], values: readonly string[]) =>
    values.map((value) => ({ kind, value }))
  return [
    ...named('dns', dnsNames),
    ...named('ip', ipAddresses),
    ...named('email', emails),
    ...named('uri', uris)
  ].slice(0, mostNames)
}
