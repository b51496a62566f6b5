import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { silentLog, type Log } from '../../core/log.ts'
import { visible } from '../../core/text.ts'
import { DirectoryMessage } from '../messages/directory.ts'
import { readRetryAfter } from '../messages/headers.ts'
import { pageUrl } from '../messages/problem.ts'
import { answerReader, malformed } from './answers.ts'
import { openConnection, type WireAnswer, type WireRequest } from './connection.ts'
import { createNoncePool, type NoncePool } from './nonces.ts'
import { refusalOf } from './refusals.ts'
import { checkSettings, isLoopback, type CaSettings } from './settings.ts'

/** What a CA offers (RFC 8555 §7.1.1), and where; null where it does not. */
export interface Directory {
  readonly newNonce: string
  readonly newAccount: string
  readonly newOrder: string
  readonly revokeCertificate: string | null
  readonly keyChange: string | null
  /** RFC 9773: renewal information, and `replaces` in orders */
  readonly renewalInfo: string | null
  /** a page that the account holder must agree to */
  readonly termsOfService: string | null
  readonly externalAccountRequired: boolean
  /** profiles that can be ordered, with what the CA says of each; none where it has no profiles */
  readonly profiles: Readonly<Record<string, string>>
  /** where the CA may send us: the origin of the directory and of what it names */
  readonly origins: ReadonlySet<string>
}

/** One CA: the way to it, what it offers, and the nonces that it gave. Nothing in it must outlive the process. */
export interface Ca {
  /** how messages call it: its host */
  readonly name: string
  /** its directory, read at first and then once an hour */
  directory(signal: AbortSignal): Promise<Directory>
  /** one exchange with a URL that {@link checkedUrl} has let through */
  exchange(wanted: WireRequest, signal: AbortSignal): Promise<WireAnswer>
  /** milliseconds that an answer asks to wait, capped; null when it does not */
  retryAfter(answer: WireAnswer): number | null
  readonly nonces: NoncePool
  /** ends the connections that were kept */
  close(): void
}

/** What a CA is talked to with. */
export interface CaDeps {
  readonly clock: Clock
  readonly log?: Log
}

const directoryLastsMs = 3_600_000
const mostProfiles = 100
const readDirectory = answerReader(DirectoryMessage)

/** Makes the client of one CA; nothing is connected yet. Throws a Fault acme-settings. */
export function openCa(settings: CaSettings, { clock, log = silentLog }: CaDeps): Ca {
  const checked = checkSettings(settings)
  const { name, directory: place } = checked
  const connection = openConnection(checked, { clock, log })
  const retryAfter = ({ headers }: WireAnswer) =>
    readRetryAfter(headers['retry-after'], clock.now(), checked.maxRetryAfterMs)
  let known: { readonly directory: Directory; readonly since: number } | undefined
  const fetchDirectory = async (signal: AbortSignal): Promise<Directory> => {
    const asked = { ca: name, what: 'the request for its directory' }
    const url = place.href
    const wanted = { url, method: 'GET', accept: 'application/json', isRepeatable: true } as const
    const answer = await connection.exchange(wanted, signal)
    if (answer.status === 404) throw noDirectory(url)
    if (answer.status !== 200) throw refusalOf(answer, retryAfter(answer), asked)
    return directoryOf(readDirectory(answer, asked), place, name)
  }
  return {
    name,
    retryAfter,
    nonces: createNoncePool(clock),
    exchange: (wanted, signal) => connection.exchange(wanted, signal),
    close: () => connection.close(),
    async directory(signal) {
      if (known && clock.ticks() - known.since < directoryLastsMs) return known.directory
      const directory = await fetchDirectory(signal)
      known = { directory, since: clock.ticks() }
      return directory
    }
  }
}

function directoryOf(message: DirectoryMessage, place: URL, ca: string): Directory {
  const asked = { ca, what: 'the request for its directory' }
  const url = (field: string, text: string) => usableUrl(text, place) ?? fail(asked, field)
  // some servers write an empty text for what they do not have
  const optional = (field: string, text: string | null | undefined) => (text ? url(field, text) : null)
  const { meta } = message
  const places = {
    newNonce: url('newNonce', message.newNonce),
    newAccount: url('newAccount', message.newAccount),
    newOrder: url('newOrder', message.newOrder),
    revokeCertificate: optional('revokeCert', message.revokeCert),
    keyChange: optional('keyChange', message.keyChange),
    renewalInfo: optional('renewalInfo', message.renewalInfo)
  }
  const urls = Object.values(places).filter((text) => text !== null)
  return {
    ...places,
    termsOfService: pageUrl(meta?.termsOfService),
    externalAccountRequired: meta?.externalAccountRequired ?? false,
    profiles: Object.fromEntries(
      Object.entries(meta?.profiles ?? {})
        .slice(0, mostProfiles)
        .map(([name, text]) => [name, visible(typeof text === 'string' ? text : '', 500)])
    ),
    origins: new Set([place.origin, ...urls.map((text) => new URL(text).origin)])
  }
}

/**
 * An absolute URL of the scheme of the directory; http only on this machine. It stays as it is written: servers
 * compare the text of what was signed.
 */
function usableUrl(text: string, place: URL): string | undefined {
  if (text.length > 2048 || !/^[!-~]+$/.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  const isClear = url.protocol === 'http:' && place.protocol === 'http:' && isLoopback(url.hostname)
  if (url.protocol !== 'https:' && !isClear) return undefined
  return url.username === '' && url.password === '' && url.hash === '' ? text : undefined
}

/**
 * A URL of the CA, from one of its answers or kept from an earlier one: absolute, https, on an origin that the
 * directory names. Throws a Fault acme-malformed, so that no answer makes us ask elsewhere.
 */
export function checkedUrl(
  text: string,
  field: string,
  { ca, directory }: { ca: Ca; directory: Directory }
): string {
  const url = usableUrl(text, new URL(directory.newNonce))
  if (url !== undefined && directory.origins.has(new URL(url).origin)) return url
  throw new Fault(
    'acme-malformed',
    `${field} of the CA ${ca.name} is ${visible(text, 100)}, which is no https URL of this CA: it is not asked. Tell the CA, or check which CA the order is of.`,
    { field }
  )
}

function fail(asked: { ca: string; what: string }, field: string): never {
  throw malformed(asked, `${field} is no absolute https URL`)
}

function noDirectory(url: string): Fault {
  return new Fault(
    'acme-settings',
    `There is no ACME directory at ${url}. Write the directoryUrl as the CA gives it, path included.`,
    { field: 'directoryUrl' }
  )
}
