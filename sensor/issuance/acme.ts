import { openCa, type Ca } from '../../acme/client/ca.ts'
import { revoke } from '../../acme/client/certificates.ts'
import { getRenewalInfo } from '../../acme/client/renewal-info.ts'
import { revocationReasons, type GivenReason } from '../../acme/messages/revocation-reasons.ts'
import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { silentLog, type Log } from '../../core/log.ts'
import type { Secret } from '../../core/secret.ts'
import { visible } from '../../core/text.ts'
import type { RevocationReason } from '../../pki/revocation.ts'
import { accountKeeper, type AccountKeeper, type AccountMemory } from './acme-account.ts'
import { abandonOrder } from './acme-abandon.ts'
import { advanceOrder, idOf } from './acme-order.ts'
import { caSettingsOf, type AcmeIssuerSettings } from './acme-settings.ts'
import type { Issuer, IssuerCheck, RenewalWindow } from './issuer.ts'
import type { KeyRing } from './key-ring.ts'
import { describeSolver, type SolverMaker } from './solvers/settings.ts'

/** What the issuer works with. */
export interface AcmeIssuerDeps {
  readonly clock: Clock
  readonly log?: Log
  /** where the keys of the account are */
  readonly keys: KeyRing
  /** what is remembered of the account of the settings */
  readonly account: AccountMemory
  /** MAC keys, passwords and TSIG secrets by the names in the settings; null: there is none of the name */
  readonly secret: (name: string) => Secret | null
  /** of the process, see solverMaker */
  readonly solver: SolverMaker
}

/** An issuer that is an ACME server (RFC 8555). */
export interface AcmeIssuer extends Issuer {
  /**
   * Makes the account, bound to one that the CA has already where the settings say so, and brings its contacts to those
   * of the settings. Safe to repeat; the first order makes it otherwise. Faults: acme-account, acme-settings.
   */
  createAccount(signal: AbortSignal): Promise<AcmeAccountState>
  /**
   * Gives the account another key (RFC 8555 §7.3.5). Answers that are in place are made with the old one: names that
   * are being proved meanwhile are refused.
   */
  changeAccountKey(signal: AbortSignal): Promise<void>
  /** ends the connections that were kept */
  close(): void
}

/** The account as its CA has it. */
export interface AcmeAccountState {
  readonly url: string
  readonly status: string
  readonly contacts: readonly string[]
}

/**
 * The issuer of these settings ({@link readAcmeSettings}). Keep it while the process runs: it holds connections, nonces,
 * and what was presented. Nothing is asked yet. Faults: acme-settings, key-missing.
 */
export function acmeIssuer(deps: AcmeIssuerDeps, settings: AcmeIssuerSettings): AcmeIssuer {
  const { clock, log = silentLog, keys, secret, solver } = deps
  const ca = openCa(caSettingsOf(settings, secret), { clock, log })
  const keeper = accountKeeper(settings, { ca, keys, secret, memory: deps.account })
  const account = (signal: AbortSignal) => keeper.open(signal)
  const tools = { settings, account, solver, presented: new Set<string>(), clock, log }
  return {
    keyFrom: 'request',
    advance: (request, memory, signal) => advanceOrder(request, memory, { tools, signal }),
    abandon: (memory, signal) => abandonOrder(memory, { tools, signal }),
    renewalWindow: (certificate, signal) => renewalWindow(ca, certificate, { clock, signal }),
    async revoke(certificate, reason, signal) {
      const given = givenReason(reason)
      await revoke(
        await account(signal),
        { certificate, ...(given === undefined ? {} : { reason: given }) },
        signal
      )
    },
    check: (signal) => check({ ca, keeper, settings, secret }, signal),
    async createAccount(signal) {
      await keeper.updateContacts(signal)
      return accountState(keeper, settings, signal)
    },
    changeAccountKey: (signal) => keeper.changeKey(signal),
    close: () => ca.close()
  }
}

async function accountState(
  keeper: AccountKeeper,
  { account }: AcmeIssuerSettings,
  signal: AbortSignal
): Promise<AcmeAccountState> {
  const facts = await keeper.facts(signal)
  if (!facts) throw new Fault('acme-account', `The account ${account} is not remembered. Make it again.`)
  const { url, status, contacts } = facts
  return { url, status, contacts: contacts.map((contact) => visible(contact, 200)) }
}

/** between two questions about one certificate (RFC 9773 §4.3) */
const askEveryMs = 6 * 3_600_000
const leastAskMs = 60_000
const mostAskMs = 86_400_000

async function renewalWindow(
  ca: Ca,
  certificate: Uint8Array,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal }
): Promise<RenewalWindow | null> {
  const id = idOf(certificate)
  if (id === null) return null
  try {
    const info = await getRenewalInfo(ca, id, signal)
    if (!info) return null
    const wait = Math.min(Math.max(info.retryAfterMs ?? askEveryMs, leastAskMs), mostAskMs)
    return { ...info.window, explanation: info.explanationUrl, againAt: clock.now() + wait }
  } catch (thrown) {
    // it is not from this CA, or the CA has forgotten it: some call the question malformed then
    const isStranger = thrown instanceof Fault && ['acme-missing', 'acme-refused'].includes(thrown.code)
    if (isStranger) return null
    throw thrown
  }
}

function givenReason(reason: RevocationReason): GivenReason | undefined {
  // RFC 5280 §5.3.1: it should be left out instead
  if (reason === 'unspecified') return undefined
  if (Object.hasOwn(revocationReasons, reason)) return reason as GivenReason
  throw new Fault(
    'acme-unsupported',
    `The reason ${reason} is not for holders of a certificate. Give ${Object.keys(revocationReasons).join(', ')}.`,
    { reason }
  )
}

interface Checked {
  readonly ca: Ca
  readonly keeper: AccountKeeper
  readonly settings: AcmeIssuerSettings
  readonly secret: AcmeIssuerDeps['secret']
}

async function check({ ca, keeper, settings, secret }: Checked, signal: AbortSignal): Promise<IssuerCheck> {
  const directory = await ca.directory(signal)
  const account = await keeper.facts(signal)
  const { termsOfService, externalAccountRequired, profiles, renewalInfo, revokeCertificate } = directory
  const warnings = account ? [] : ['the account is not made yet: the first order makes it']
  const problems: string[] = []
  if (!account) {
    if (termsOfService !== null && !settings.agreesToTerms)
      problems.push(`the CA wants agreement to its terms, ${termsOfService}: read them and set agreesToTerms`)
    if (externalAccountRequired && !settings.binding)
      problems.push('the CA wants an external account binding: set binding to the key that it made')
    if (settings.binding && secret(settings.binding.macKey) === null)
      problems.push(
        `the secret ${settings.binding.macKey} of the binding is not kept: add the issuer again with it`
      )
  } else if (account.status !== 'valid') problems.push(`the account is ${account.status}: make another one`)
  if (settings.profile !== undefined && !Object.hasOwn(profiles, settings.profile)) {
    const offered = Object.keys(profiles).map((one) => visible(one, 40))
    problems.push(
      `the CA does not offer the profile ${settings.profile}: choose one of ${offered.join(', ') || 'none, it has no profiles'}`
    )
  }
  return {
    name: `ACME ${ca.name}`,
    facts: {
      directory: settings.directoryUrl,
      account: account ? account.url : 'none yet',
      contacts: account?.contacts.map((contact) => visible(contact, 200)).join(', ') || 'none',
      terms: termsOfService ?? 'none',
      'external account binding': externalAccountRequired ? 'wanted' : 'not wanted',
      'renewal information': renewalInfo === null ? 'no' : 'yes',
      revocation: revokeCertificate === null ? 'no' : 'yes',
      names: settings.proofs
        .map(({ names, solver }) => `${names.slice(0, 5).join(', ')}: ${describeSolver(solver)}`)
        .join('; ')
    },
    profiles,
    problems,
    warnings
  }
}
