import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { encodePem } from '../../pki/pem.ts'
import type { NewIssuer, IssuerForm } from '../automation-functions.ts'
import type { Imported, Issuer, IssuerCheck } from '../automation-records.ts'
import { schemaVersion } from '../schema-version.ts'
import { looksLikeReference } from '../vault/reference.ts'
import { issuerKinds } from './issuer-kinds.ts'
import { importFileOf } from '../../sensor/issuance/import-file.ts'
import { shelve } from './issuers/import.ts'
import { givenName } from './names.ts'
import { issuerCheckRecord, issuerRecord } from './records.ts'
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
 * Makes what the issuer needs (an account, a CA of its own) and keeps it. Faults: issuer-malformed, issuer-exists, and
 * those of its kind.
 */
export async function addIssuer(site: Site, of: NewIssuer): Promise<IssuerCheck> {
  const { store, vault, clock } = site
  const name = givenName('issuer', of.name)
  const kind = kindOf({ name, kind: of.kind })
  store.issuers.checkFree(name)
  const owner = { kind: 'account', id: name } as const
  const secrets = Object.entries(of.secrets).map(([field, value]) => [field, secretOf(field, value)] as const)
  store.durable(() => {
    vault.drop(owner)
    for (const [field, secret] of secrets) vault.put(owner, field, secret)
  })
  try {
    const settings = await kind.setUp({ name, settings: of.settings }, site)
    const row = { name, kind: kind.kind, settings: JSON.stringify(settings), created: clock.now() }
    store.durable(() => store.issuers.add(row))
  } catch (thrown) {
    vault.drop(owner)
    throw thrown
  }
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

/** Forgets an issuer with its keys. Faults: issuer-missing, issuer-used. */
export function removeIssuer(site: Site, name: string): void {
  const { store, vault } = site
  const row = store.issuers.named(name)
  const using = (content: string) => (JSON.parse(content) as { readonly issuer?: unknown }).issuer === name
  const profile = store.profiles.list().find(({ content }) => using(content))
  const event = store.events.open().find((one) => using(one.profile))
  if (profile || event) {
    const user = profile ? `profile ${profile.name}` : `event ${event?.id ?? ''}`
    throw new Fault('issuer-used', `issuer ${name}: ${user} uses it`, { issuer: name, user })
  }
  store.durable(() => {
    kindOf(row).drop(row, site)
    vault.drop({ kind: 'account', id: name })
    store.issuance.forgetIssuer(name)
    store.issuers.remove(name)
  })
  site.forgetIssuer(name)
}

/** Puts a certificate with its key on the shelf of an import issuer, which is made where there is none. */
export async function importCertificate(
  site: Site,
  {
    issuer,
    file,
    password
  }: { readonly issuer: string; readonly file: string; readonly password: string | null }
): Promise<Imported> {
  const { store, clock } = site
  const name = givenName('issuer', issuer)
  const row = store.issuers.list().find((one) => one.name === name)
  if (row && row.kind !== 'import') {
    const message = `issuer ${name}: it is of kind ${row.kind}; choose another name for what is imported`
    throw new Fault('issuer-exists', message, { issuer: name })
  }
  const bytes = Buffer.from(file, 'base64')
  const secret = password === null ? null : new Secret(password)
  const shelved = await shelve(name, importFileOf(bytes, secret), site)
  if (!row) {
    store.durable(() => store.issuers.add({ name, kind: 'import', settings: '{}', created: clock.now() }))
  }
  return { type: 'imported', schema: schemaVersion, issuer: name, ...shelved }
}
