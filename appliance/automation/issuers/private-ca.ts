import { Type } from 'typebox'
import { Fault } from '../../../core/fault.ts'
import { parser } from '../../../core/schema.ts'
import { readCertificate } from '../../../pki/quick.ts'
import type { RevocationReason } from '../../../pki/revocation.ts'
import { setUpPrivateCa } from '../../../sensor/issuance/private-ca-setup.ts'
import { type IssuedRegister, privateCaIssuer } from '../../../sensor/issuance/private-ca.ts'
import type { IssuerRow } from '../../../sensor/store/issuers.ts'
import type { Store } from '../../../sensor/store/store.ts'
import { keyRing } from '../../vault/key-ring.ts'
import type { IssuerKind, IssuerTools } from '../issuer-kinds.ts'

const dayMs = 86_400_000
const yearMs = 365 * dayMs

const years = (title: string, usual: number) =>
  Type.Optional(Type.Integer({ title, minimum: 1, maximum: 50, default: usual }))
const days = (title: string, usual: number) =>
  Type.Optional(Type.Number({ title, minimum: 0.01, maximum: 3_650, default: usual }))
const texts = (title: string, description: string) =>
  Type.Optional(Type.Array(Type.String({ minLength: 1 }), { title, description, default: [], maxItems: 200 }))

const wishes = {
  organization: Type.Optional(
    Type.String({ title: 'Organization', description: 'In the names of the CA; empty: none.', maxLength: 64 })
  ),
  keyType: Type.Optional(
    Type.Enum(['ec-p256', 'ec-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096'], {
      title: 'Keys of the CA',
      default: 'ec-p256'
    })
  ),
  rootYears: years('Life of the root, years', 10),
  issuerYears: years('Life of the intermediate, years', 5),
  validityDays: days('Life of a certificate, days, where a profile names none', 47),
  maxValidityDays: days('Life of a certificate at most, days', 200),
  permittedDomains: texts('Domains', 'The CA can sign names at or below these only; empty: any.'),
  permittedNetworks: texts('Networks', 'The CA can sign addresses in these only (CIDR); empty: any.'),
  crlUrls: texts('Revocation lists', 'URLs at which you publish its list; empty: certificates name none.')
}
const Wishes = Type.Object(wishes, { additionalProperties: false })
const der = Type.String({ contentEncoding: 'base64' })
const Kept = Type.Object({ ...wishes, root: der, certificate: der }, { additionalProperties: false })

const parseWishes = parser(Wishes, 'issuer-malformed')
const parseKept = parser(Kept, 'store-corrupt')

/** The own CA: a root and an intermediate that are made here, with their keys in the vault. */
export const privateCaKind: IssuerKind = {
  kind: 'private-ca',
  title: 'Own CA, for internal names and for trying things out',
  settings: Wishes,
  secrets: [],
  async setUp({ name, settings }, tools) {
    const wished = parseWishes(settings)
    const { rootYears = 10, issuerYears = 5, keyType = 'ec-p256', organization } = wished
    if (issuerYears > rootYears) {
      const message = `issuer issuerYears is ${issuerYears}: the intermediate cannot outlive its root of ${rootYears} years`
      throw new Fault('issuer-malformed', message, { field: 'issuerYears' })
    }
    const of = organization ? { O: organization } : {}
    const { permittedDomains: domains = [], permittedNetworks: networks = [] } = wished
    const { root, issuer } = await setUpPrivateCa(
      {
        name,
        root: { CN: `${name} Root CA`, ...of },
        issuer: { CN: `${name} Issuing CA`, ...of },
        keyType,
        rootLifeMs: rootYears * yearMs,
        issuerLifeMs: issuerYears * yearMs,
        permitted: domains.length + networks.length > 0 ? { domains, networks } : null
      },
      { keys: keyRing(tools.vault, 'authority'), clock: tools.clock, random: tools.random }
    )
    return { ...wished, root: root.toString('base64'), certificate: issuer.toString('base64') }
  },
  open(row, tools) {
    const { root, certificate, validityDays = 47, maxValidityDays = 200, crlUrls = [] } = kept(row)
    return privateCaIssuer(
      {
        key: `${row.name}/issuer`,
        certificate: Buffer.from(certificate, 'base64'),
        above: [Buffer.from(root, 'base64')],
        validityMs: validityDays * dayMs,
        maxValidityMs: maxValidityDays * dayMs,
        crlUrls
      },
      {
        keys: keyRing(tools.vault, 'authority'),
        register: registerOf(tools.store, row.name),
        clock: tools.clock,
        random: tools.random
      }
    )
  },
  roots: (row) => [Buffer.from(kept(row).root, 'base64')],
  drop({ name }, { vault }: IssuerTools) {
    const keys = keyRing(vault, 'authority')
    for (const one of ['root', 'issuer']) keys.drop(`${name}/${one}`)
  }
}

function kept({ settings }: IssuerRow) {
  return parseKept(JSON.parse(settings))
}

/** The certificates of one CA in the store. */
function registerOf(store: Store, issuer: string): IssuedRegister {
  const { issuance } = store
  const find = (serial: string) => issuance.issued(issuer, serial) ?? null
  return {
    find,
    keep(serial, certificate) {
      const { notAfter } = readCertificate(certificate)
      store.durable(() => issuance.keepIssued({ issuer, serial, certificate, notAfter }))
      return find(serial) ?? certificate
    },
    revoke: (revoked) => store.durable(() => issuance.revokeIssued(issuer, revoked)),
    revoked: (now) =>
      issuance.revoked(issuer, now).map((row) => ({ ...row, reason: row.reason as RevocationReason })),
    nextCrlNumber: () => store.durable(() => issuance.nextCrlNumber(issuer))
  }
}
