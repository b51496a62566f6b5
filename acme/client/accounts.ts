import { Fault, asFault } from '../../core/fault.ts'
import { AccountMessage, type AccountState } from '../messages/account.ts'
import { answerReader, malformed } from './answers.ts'
import { checkedUrl, type Ca } from './ca.ts'
import type { WireAnswer } from './connection.ts'
import { postSigned, type AcmeAccount } from './post.ts'
import { problemOfFault } from './refusals.ts'
import { signBinding, type ExternalBinding, type Signer } from './sign.ts'

/** What a CA says of an account. */
export interface AccountFacts {
  readonly status: AccountState
  readonly contacts: readonly string[]
  /** where its orders are listed; null where the CA does not list them (Let's Encrypt does not) */
  readonly ordersUrl: string | null
}

/** An account with what its CA says of it. */
export interface FoundAccount {
  readonly account: AcmeAccount
  readonly facts: AccountFacts
}

/** What a new account is made of. */
export interface NewAccount {
  readonly key: Signer
  /** URIs, mostly mailto: */
  readonly contacts: readonly string[]
  /** has the person agreed to the terms that the directory names? */
  readonly agreesToTerms: boolean
  readonly binding?: ExternalBinding
}

const readAccount = answerReader(AccountMessage)

/**
 * Registers an account (RFC 8555 §7.3), bound to one that the CA has already where `binding` is given (§7.3.4).
 * Safe to repeat: a key that has an account gets that account, `created` is false then.
 */
export async function newAccount(
  ca: Ca,
  { key, contacts, agreesToTerms, binding }: NewAccount,
  signal: AbortSignal
): Promise<FoundAccount & { readonly created: boolean }> {
  const { newAccount: url, externalAccountRequired } = await ca.directory(signal)
  if (externalAccountRequired && !binding) throw bindingMissing(ca)
  const payload = {
    ...(contacts.length === 0 ? {} : { contact: contacts }),
    termsOfServiceAgreed: agreesToTerms,
    ...(binding ? { externalAccountBinding: await signBinding(binding, key.jwk, url) } : {})
  }
  const what = 'a new account'
  const answer = await postSigned({ ca, key }, { url, payload, what, isRepeatable: true }, signal)
  return { ...(await foundIn(answer, { ca, key, what }, signal)), created: answer.status === 201 }
}

/** The account of a key (onlyReturnExisting, RFC 8555 §7.3.1), or null when the CA has none. */
export async function findAccount(ca: Ca, key: Signer, signal: AbortSignal): Promise<FoundAccount | null> {
  const { newAccount: url } = await ca.directory(signal)
  const what = 'the search for an account'
  const request = { url, payload: { onlyReturnExisting: true }, what, isRepeatable: true }
  try {
    const answer = await postSigned({ ca, key }, request, signal)
    return await foundIn(answer, { ca, key, what }, signal)
  } catch (thrown) {
    signal.throwIfAborted()
    if (problemOfFault(asFault(thrown))?.type === 'accountDoesNotExist') return null
    throw thrown
  }
}

/** What the CA says of the account now. */
export async function readAccountFacts(account: AcmeAccount, signal: AbortSignal): Promise<AccountFacts> {
  return changed(account, { payload: null, what: 'a look at the account' }, signal)
}

/** Replaces the contacts (RFC 8555 §7.3.2). Safe to repeat. */
export async function updateContacts(
  account: AcmeAccount,
  contacts: readonly string[],
  signal: AbortSignal
): Promise<AccountFacts> {
  return changed(account, { payload: { contact: contacts }, what: 'the change of the contacts' }, signal)
}

/** Deactivates the account for ever (RFC 8555 §7.3.6); its certificates stay valid. */
export async function deactivateAccount(account: AcmeAccount, signal: AbortSignal): Promise<AccountFacts> {
  const payload = { status: 'deactivated' }
  return changed(account, { payload, what: 'the deactivation of the account' }, signal)
}

/**
 * Gives the account another key (RFC 8555 §7.3.5). The new one counts as soon as the CA has answered: keep both
 * until then. When the answer is lost, {@link findAccount} tells which of them has the account.
 */
export async function changeAccountKey(
  account: AcmeAccount,
  key: Signer,
  signal: AbortSignal
): Promise<AcmeAccount> {
  const { keyChange: url } = await account.ca.directory(signal)
  if (url === null) throw unsupported(account.ca, 'does not let accounts change their key')
  const payload = await key.sign({ url }, { account: account.url, oldKey: account.key.jwk })
  await postSigned(account, { url, payload, what: 'the change of the account key' }, signal)
  return { ...account, key }
}

/** The fault of something that this CA does not offer; `what` follows its name. */
export function unsupported(ca: Ca, what: string): Fault {
  return new Fault('acme-unsupported', `The CA ${ca.name} ${what}. Use a CA that does, or do without.`, {})
}

async function changed(
  account: AcmeAccount,
  { payload, what }: { readonly payload: object | null; readonly what: string },
  signal: AbortSignal
): Promise<AccountFacts> {
  const request = { url: account.url, payload, what, isRepeatable: true }
  const answer = await postSigned(account, request, signal)
  return factsIn(answer, { ca: account.ca, what }, signal)
}

async function foundIn(
  answer: WireAnswer,
  { ca, key, what }: { readonly ca: Ca; readonly key: Signer; readonly what: string },
  signal: AbortSignal
): Promise<FoundAccount> {
  const facts = await factsIn(answer, { ca, what }, signal)
  const location = answer.headers['location']
  if (location === undefined)
    throw malformed({ ca: ca.name, what }, 'it does not tell the URL of the account')
  const url = checkedUrl(location, 'the URL of the account', { ca, directory: await ca.directory(signal) })
  return { account: { ca, key, url }, facts }
}

async function factsIn(
  answer: WireAnswer,
  { ca, what }: { readonly ca: Ca; readonly what: string },
  signal: AbortSignal
): Promise<AccountFacts> {
  const { status, contact, orders } = readAccount(answer, { ca: ca.name, what })
  const directory = await ca.directory(signal)
  const ordersUrl = orders ? checkedUrl(orders, 'orders', { ca, directory }) : null
  return { status, contacts: contact ?? [], ordersUrl }
}

function bindingMissing(ca: Ca): Fault {
  return new Fault(
    'acme-account',
    `The CA ${ca.name} registers only accounts that are bound to one it has already. Give the key id and the MAC key that it made (external account binding).`,
    { field: 'binding' }
  )
}
