import { Type } from 'typebox'
import { parser } from '../../../core/schema.ts'
import { encodePem, readCertificateFile } from '../../../pki/pem.ts'
import { readCertificate } from '../../../pki/quick.ts'
import { type ImportFile, readImport } from '../../../sensor/issuance/import-file.ts'
import { importIssuer } from '../../../sensor/issuance/import.ts'
import { keyRing } from '../../vault/key-ring.ts'
import type { IssuerKind, IssuerTools } from '../issuer-kinds.ts'

const Wishes = Type.Object({}, { additionalProperties: false })
const parse = parser(Wishes, 'issuer-malformed')

/** Certificates that were bought elsewhere and imported with their keys. */
export const importKind: IssuerKind = {
  kind: 'import',
  title: 'Certificates that were bought elsewhere, imported with their keys',
  settings: Wishes,
  secrets: [],
  setUp: async ({ settings }) => parse(settings),
  open: ({ name }, { store, vault, clock, known }) =>
    importIssuer({
      shelf: () =>
        store.issuance.shelved(name).map(({ chain, fingerprint }) => ({
          chain: readCertificateFile(Buffer.from(chain)),
          key: keyName(name, fingerprint)
        })),
      keys: keyRing(vault, 'account'),
      clock,
      known
    }),
  roots: () => [],
  drop({ name }, { store, vault }) {
    const keys = keyRing(vault, 'account')
    for (const { fingerprint } of store.issuance.shelved(name)) keys.drop(keyName(name, fingerprint))
  }
}

const keyName = (issuer: string, fingerprint: string) => `${issuer}/${fingerprint}`

/** What an import put on the shelf. */
export interface Shelved {
  readonly fingerprint: string
  readonly names: readonly string[]
  /** subjects of certificates in the file that do not belong to it */
  readonly strangers: readonly string[]
}

/** A certificate with its key, read and ready for the shelf. */
export interface ForShelf {
  readonly shelved: Shelved
  /** puts it on the shelf of an issuer, in a durable transaction of the caller; a second time changes nothing */
  readonly put: (issuer: string) => void
}

/** Reads a certificate with its key. Faults of readImport. */
export async function readForShelf(file: ImportFile, tools: IssuerTools): Promise<ForShelf> {
  const { store, vault, clock, known } = tools
  const { key, chain, strangers } = await readImport(file, { now: clock.now(), known })
  const [leaf] = chain
  const { fingerprint, dnsNames, ipAddresses } = readCertificate(leaf ?? new Uint8Array())
  return {
    shelved: { fingerprint, names: [...dnsNames, ...ipAddresses], strangers },
    put(issuer) {
      const keys = keyRing(vault, 'account')
      const name = keyName(issuer, fingerprint)
      if (keys.read(name) === null) keys.keep(name, key.pem)
      store.issuance.shelve({
        issuer,
        fingerprint,
        chain: chain.map((der) => encodePem(der)).join(''),
        imported: clock.now()
      })
    }
  }
}
