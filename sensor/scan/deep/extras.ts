import type { StartTls } from '../observation.ts'
import { eliminate } from './elimination.ts'
import type { KnownSuites } from './key-agreement.ts'
import { curiousOldOffer, oldOffer, tls13Offer } from './offers.ts'
import { stapledResponse } from './key-exchange.ts'
import type { DeepEndpoint, Answer, Talks } from './talks.ts'

const alpnOfStartTls: Readonly<Partial<Record<StartTls, string>>> = {
  imap: 'imap',
  pop3: 'pop3',
  ftp: 'ftp',
  xmpp: 'xmpp-client',
  'xmpp-server': 'xmpp-server',
  postgres: 'postgresql',
  tds: 'tds/8.0'
}

/** Ports that are registered for another protocol than HTTP over TLS, with its ALPN id where it has one. */
const otherPorts: ReadonlyMap<number, string | null> = new Map<number, string | null>([
  [465, null],
  [563, 'nntp'],
  [636, null],
  [853, 'dot'],
  [990, 'ftp'],
  [992, null],
  [993, 'imap'],
  [994, 'irc'],
  [995, 'pop3'],
  [3269, null],
  [4190, 'managesieve'],
  [4460, 'ntske/1'],
  [5061, 'sip/2'],
  [5223, 'xmpp-client'],
  [5270, 'xmpp-server'],
  [5432, 'postgresql'],
  [5671, null],
  [6514, null],
  [6697, 'irc'],
  [8883, 'mqtt']
])

/** May an HTTP request be sent here: TLS from the start, and an HTTP protocol accepted or no other expected? */
export function mayBeHttp({ starttls, port }: DeepEndpoint, alpn: readonly string[] | null): boolean {
  if (starttls !== null) return false
  return alpn?.some((id) => id === 'h2' || id === 'http/1.1') || !otherPorts.has(port)
}

/** The application protocols that are asked for: HTTP's, and that of the endpoint. */
export function alpnCandidates({ starttls, port }: DeepEndpoint): readonly string[] {
  const own = starttls === null ? otherPorts.get(port) : alpnOfStartTls[starttls]
  return own ? ['h2', 'http/1.1', own] : ['h2', 'http/1.1']
}

/** Asks which application protocols are accepted; null when that could not be asked. */
export async function askAlpn(
  talks: Talks,
  { versions, dialect }: KnownSuites
): Promise<readonly string[] | null> {
  const { name } = talks.endpoint
  const best = versions.find(
    ({ version, suites }) => version < 0x0304 && version > 0x0300 && suites.length > 0
  )
  const newest = versions.find(({ version, suites }) => version === 0x0304 && suites.length > 0)
  if (dialect === 'bare' || (!best && !newest)) return null
  const offer = best
    ? oldOffer(best.suites, { version: best.version, dialect, name })
    : tls13Offer(newest?.suites ?? [], name)
  const found = await eliminate(talks, alpnCandidates(talks.endpoint), {
    offer: (left) => ({ ...offer, alpn: left }),
    choiceOf: ({ flight }) => flight?.alpn ?? null,
    // TLS 1.3 says it encrypted, before the certificate
    reading: best ? 'brief' : 'certificate'
  })
  return found.complete || found.chosen.length > 0 ? found.chosen : null
}

/** Asks whether a hello that says it is a fallback is refused (RFC 7507 §3). */
export async function askFallback(talks: Talks, { versions, dialect }: KnownSuites): Promise<boolean | null> {
  const { name } = talks.endpoint
  const [newest, lower] = versions.filter(({ accepted, version }) => accepted && version >= 0x0300)
  if (!newest || !lower || lower.suites.length === 0) return null
  const offer = oldOffer([...lower.suites, fallbackSignal], { version: lower.version, dialect, name })
  const answer = await talks.ask(offer, 'brief')
  if (answer?.end.kind === 'alert' && answer.end.alert === inappropriateFallback) return true
  return answer?.flight?.hello ? false : null
}

const fallbackSignal = 0x5600
const inappropriateFallback = 86

/** The OCSP response that came with an answer, or null. */
export function stapleOf({ flight }: Answer): Uint8Array | null {
  if (!flight) return null
  return flight.status ? stapledResponse(flight.status) : (flight.certificates?.staple ?? null)
}

/** Asks once more for a stapled response: some servers fetch it only after they were asked for the first time. */
export async function askStaple(
  talks: Talks,
  { versions, dialect }: KnownSuites
): Promise<Uint8Array | null> {
  const { name } = talks.endpoint
  const best = versions.find(({ version, suites }) => version > 0x0300 && suites.length > 0)
  if (!best || dialect === 'bare') return null
  const { version, suites } = best
  const offer =
    version === 0x0304 ? tls13Offer(suites, name) : curiousOldOffer(suites, { version, dialect, name })
  const answer = await talks.ask(offer, 'whole')
  return answer && stapleOf(answer)
}
