import { Type, type Static } from 'typebox'
import {
  changeAccountKey,
  findAccount,
  newAccount,
  readAccountFacts,
  updateContacts,
  type AccountFacts
} from '../../acme/client/accounts.ts'
import type { Ca } from '../../acme/client/ca.ts'
import type { AcmeAccount } from '../../acme/client/post.ts'
import { createAccountKey, openSigner, type Signer } from '../../acme/client/sign.ts'
import { Fault } from '../../core/fault.ts'
import { parser } from '../../core/schema.ts'
import type { Secret } from '../../core/secret.ts'
import { contactsOf, neededSecret, type AcmeIssuerSettings } from './acme-settings.ts'
import type { KeyRing } from './key-ring.ts'

/** What is remembered of an account: a text; is durable when write returns. */
export interface AccountMemory {
  /** null: nothing yet */
  read(): string | null
  write(memory: string): void
}

/** What an account is kept with. */
export interface AccountTools {
  readonly ca: Ca
  readonly keys: KeyRing
  readonly memory: AccountMemory
  readonly secret: (name: string) => Secret | null
}

/** The account of an issuer. Its key is kept before the CA hears of it, its URL before it is used. */
export interface AccountKeeper {
  /** the account; made now where there is none yet */
  open(signal: AbortSignal): Promise<AcmeAccount>
  /** what the CA says of it; null: there is none yet */
  facts(signal: AbortSignal): Promise<(AccountFacts & { readonly url: string }) | null>
  /** brings the contacts to those of the settings */
  updateContacts(signal: AbortSignal): Promise<void>
  changeKey(signal: AbortSignal): Promise<void>
}

const AccountNotes = Type.Object({
  directoryUrl: Type.String(),
  /** number of the key that counts */
  key: Type.Integer({ minimum: 1 }),
  /** null: the CA has not told it yet */
  url: Type.Union([Type.String(), Type.Null()]),
  /** a change to the next key may have reached the CA */
  isChanging: Type.Boolean()
})
type AccountNotes = Static<typeof AccountNotes>

const parse = parser(AccountNotes, 'store-corrupt')

/**
 * Keeps the account of these settings. Faults: acme-account (the CA wants terms or a binding, or refuses), acme-settings
 * (the account is of another CA), key-missing.
 */
export function accountKeeper(settings: AcmeIssuerSettings, tools: AccountTools): AccountKeeper {
  const { ca } = tools
  const open = async (signal: AbortSignal): Promise<AcmeAccount> => {
    const notes = notesOf(settings, tools)
    if (!notes || notes.url === null) return made(settings, tools, signal)
    if (notes.isChanging) return settled(settings, tools, signal)
    return { ca, key: await signerOf(settings, tools, notes.key), url: notes.url }
  }
  return {
    open,
    async facts(signal) {
      const url = notesOf(settings, tools)?.url ?? null
      return url === null ? null : { ...(await readAccountFacts(await open(signal), signal)), url }
    },
    async updateContacts(signal) {
      const account = await open(signal)
      const { contacts } = await readAccountFacts(account, signal)
      const wanted = contactsOf(settings)
      if (contacts.toSorted().join('\n') === wanted.toSorted().join('\n')) return
      await updateContacts(account, wanted, signal)
    },
    async changeKey(signal) {
      const account = await open(signal)
      const notes = notesOf(settings, tools)
      if (!notes) return
      await keptKey(settings, tools, notes.key + 1)
      tools.memory.write(JSON.stringify({ ...notes, isChanging: true }))
      await changeAccountKey(account, await signerOf(settings, tools, notes.key + 1), signal)
      tools.memory.write(JSON.stringify({ ...notes, key: notes.key + 1, isChanging: false }))
    }
  }
}

function notesOf({ directoryUrl, account }: AcmeIssuerSettings, { memory }: AccountTools) {
  const text = memory.read()
  if (text === null) return null
  const notes = parse(json(text))
  if (notes.directoryUrl === directoryUrl) return notes
  throw new Fault(
    'acme-settings',
    `The account ${account} is of the CA at ${notes.directoryUrl}, and directoryUrl is ${directoryUrl}. Give another account.`,
    { field: 'account' }
  )
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** An account that the CA may have made already, its answer lost, is found by its key. */
async function made(
  settings: AcmeIssuerSettings,
  tools: AccountTools,
  signal: AbortSignal
): Promise<AcmeAccount> {
  const { ca, memory } = tools
  const isFirst = await keptKey(settings, tools, 1)
  const key = await signerOf(settings, tools, 1)
  const found = isFirst ? null : await findAccount(ca, key, signal)
  const { account } = found ?? (await registered(settings, { ...tools, key }, signal))
  const { directoryUrl } = settings
  const notes: AccountNotes = { directoryUrl, key: 1, url: account.url, isChanging: false }
  memory.write(JSON.stringify(notes))
  return account
}

async function registered(
  settings: AcmeIssuerSettings,
  { ca, key, secret }: AccountTools & { readonly key: Signer },
  signal: AbortSignal
) {
  const { binding, agreesToTerms = false } = settings
  const { termsOfService } = await ca.directory(signal)
  if (termsOfService !== null && !agreesToTerms) {
    throw new Fault(
      'acme-account',
      `The CA ${ca.name} registers only who agrees to its terms, ${termsOfService}. Read them, then set agreesToTerms.`,
      { field: 'agreesToTerms' }
    )
  }
  const bound = binding && { ...binding, macKey: neededSecret(binding.macKey, secret) }
  const account = { key, contacts: contactsOf(settings), agreesToTerms, ...(bound ? { binding: bound } : {}) }
  return newAccount(ca, account, signal)
}

/** Which key counts after a change of which the answer was lost? */
async function settled(
  settings: AcmeIssuerSettings,
  tools: AccountTools,
  signal: AbortSignal
): Promise<AcmeAccount> {
  const notes = notesOf(settings, tools)
  if (!notes) return made(settings, tools, signal)
  for (const number of [notes.key + 1, notes.key]) {
    const found = await findAccount(tools.ca, await signerOf(settings, tools, number), signal)
    if (!found) continue
    const { account } = found
    tools.memory.write(JSON.stringify({ ...notes, key: number, url: account.url, isChanging: false }))
    return account
  }
  throw new Fault(
    'acme-account',
    `The CA ${tools.ca.name} knows neither key of the account ${settings.account}. Look at the account there.`,
    { account: settings.account }
  )
}

/** Keeps a key of this number unless there is one; true: it is new. */
async function keptKey(settings: AcmeIssuerSettings, { keys }: AccountTools, number: number) {
  const name = `${settings.account}/${number}`
  if (keys.read(name) !== null) return false
  const key = await createAccountKey(settings.accountKey)
  // another call can have kept one meanwhile
  if (keys.read(name) !== null) return false
  keys.keep(name, key)
  return true
}

function signerOf({ account }: AcmeIssuerSettings, { keys }: AccountTools, number: number): Promise<Signer> {
  const name = `${account}/${number}`
  const key = keys.read(name)
  if (key !== null) return openSigner(key)
  const message = `The key ${name} of an ACME account is not there. Restore the vault that it was kept in.`
  throw new Fault('key-missing', message, { key: name })
}
