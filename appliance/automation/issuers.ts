import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { encodePem } from '../../pki/pem.ts'
import type { NewIssuer, IssuerForm } from '../automation-functions.ts'
import type { Imported, Issuer, IssuerCheck, IssuerDetails } from '../automation-records.ts'
import { schemaVersion } from '../schema-version.ts'
import { looksLikeReference } from '../vault/reference.ts'
import { checkSecretNames } from './given-secrets.ts'
import { issuerKinds } from './issuer-kinds.ts'
import { importFileOf } from '../../sensor/issuance/import-file.ts'
import { issuerOwner } from './issuer-owner.ts'
import { readForShelf } from './issuers/import.ts'
import { givenName } from './names.ts'
import { issuerCheckRecord, issuerDetailsRecord, issuerRecord, secretStandings } from './records.ts'
import { kindOf, type Site } from './site.ts'

const checkMs = 30_000

/** What a form for an issuer needs of each kind. */
export function issuerForms(): IssuerForm[] {
  return issuerKinds.map(({ kind, title, settings, secrets }) => ({ kind, title, settings, secrets }))
}

/** Every issuer, by name. */
export function issuers({ store }: Pick<Site, 'store'>): Issuer[] {
  return store.issuers.list().map(issuerRecord)
}

/**
 * Makes what the issuer needs (an account, a CA of its own) and keeps it, with its secrets. Faults: option-malformed,
 * issuer-malformed, issuer-exists, and those of its kind.
 */
export async function addIssuer(site: Site, of: NewIssuer): Promise<IssuerCheck> {
  const { store, vault, clock } = site
  const name = givenName('issuer', of.name)
  const kind = kindOf({ name, kind: of.kind })
  checkSecretNames(`an issuer of kind ${kind.kind}`, kind.secrets, of.secrets)
  const secrets = new Map(Object.entries(of.secrets).map(([field, value]) => [field, secretOf(field, value)]))
  await site.issuerTurns(name, async () => {
    store.issuers.checkFree(name)
    const secret = (field: string) => secrets.get(field) ?? null
    const settings = await kind.setUp({ name, settings: of.settings, secret }, site)
    store.durable(() => {
      const row = { name, kind: kind.kind, settings: JSON.stringify(settings), created: clock.now() }
      const owner = issuerOwner(store.issuers.add(row))
      vault.drop(owner)
      for (const [field, value] of secrets) vault.put(owner, field, value)
    })
  })
  return checkIssuer(site, name)
}

function secretOf(field: string, value: string): Secret {
  if (!looksLikeReference(value)) return new Secret(value)
  const message = `secret ${field}: references are for credentials of devices; give the value itself`
  throw new Fault('option-malformed', message, { field })
}

/** Asks an issuer what it is and offers. Throws issuer-missing, and what reaching it throws. */
export async function checkIssuer(site: Site, name: string): Promise<IssuerCheck> {
  const row = site.store.issuers.named(name)
  const check = await site.issuer(name).check(AbortSignal.timeout(checkMs))
  const roots = kindOf(row)
    .roots(row)
    .map((der) => encodePem(der))
  return issuerCheckRecord(name, check, roots)
}

/** An issuer with all that is known of it without asking it. Throws issuer-missing. */
export function issuerDetails({ store }: Pick<Site, 'store'>, name: string): IssuerDetails {
  const row = store.issuers.named(name)
  const { kind: ownerKind, id: ownerId } = issuerOwner(row)
  return issuerDetailsRecord(row, {
    secrets: secretStandings(kindOf(row).secrets, store.sealed.fields({ ownerKind, ownerId })),
    profiles: store.profiles
      .list()
      .filter(({ content }) => usesIssuer(content, name))
      .map((profile) => profile.name),
    openEvents: store.events
      .open()
      .filter(({ profile }) => usesIssuer(profile, name))
      .map(({ id }) => id)
  })
}

function usesIssuer(content: string, name: string): boolean {
  return (JSON.parse(content) as { readonly issuer?: unknown }).issuer === name
}

/** Forgets an issuer with its keys. Faults: issuer-missing, issuer-used. */
export function removeIssuer(site: Site, name: string): Promise<void> {
  const { store, vault } = site
  return site.issuerTurns(name, async () => {
    const row = store.durable(() => {
      const row = store.issuers.named(name)
      checkUnused(site, name)
      kindOf(row).drop(row, site)
      vault.drop(issuerOwner(row))
      store.issuance.forgetIssuer(name)
      store.issuers.remove(name)
      return row
    })
    site.forgetIssuer(row)
  })
}

function checkUnused({ store }: Site, name: string): void {
  const profile = store.profiles.list().find(({ content }) => usesIssuer(content, name))
  const event = store.events.open().find((one) => usesIssuer(one.profile, name))
  if (!profile && !event) return
  const user = profile ? `profile ${profile.name}` : `event ${event?.id ?? ''}`
  throw new Fault('issuer-used', `issuer ${name}: ${user} uses it`, { issuer: name, user })
}

/** What is to be imported, and where to. */
export interface Importing {
  readonly issuer: string
  /** PEM or PKCS#12, base64 */
  readonly file: string
  readonly password: string | null
}

/** Puts a certificate with its key on the shelf of an import issuer, which is made where there is none. */
export async function importCertificate(
  site: Site,
  { issuer, file, password }: Importing
): Promise<Imported> {
  const { store, clock } = site
  const name = givenName('issuer', issuer)
  const bytes = Buffer.from(file, 'base64')
  const secret = password === null ? null : new Secret(password)
  return site.issuerTurns(name, async () => {
    checkImports(site, name)
    const { shelved, put } = await readForShelf(importFileOf(bytes, secret), site)
    store.durable(() => {
      // together: a shelf without an issuer would be found by the next one of its name
      const isThere = checkImports(site, name)
      if (!isThere) store.issuers.add({ name, kind: 'import', settings: '{}', created: clock.now() })
      put(name)
    })
    return { type: 'imported', schema: schemaVersion, issuer: name, ...shelved }
  })
}

/** is there an issuer of this name? Throws issuer-exists when it is one of another kind */
function checkImports({ store }: Site, name: string): boolean {
  const row = store.issuers.list().find((one) => one.name === name)
  if (!row || row.kind === 'import') return row !== undefined
  const message = `issuer ${name}: it is of kind ${row.kind}; choose another name for what is imported`
  throw new Fault('issuer-exists', message, { issuer: name })
}
