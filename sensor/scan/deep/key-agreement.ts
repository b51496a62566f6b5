import { eliminate } from './elimination.ts'
import { ecdheGroups, tls13Groups } from './groups.ts'
import { namedGroup, primeBits } from './key-exchange.ts'
import { oldOffer, tls13Question, type Dialect } from './offers.ts'
import type { AcceptedGroups, DiffieHellmanSizes, VersionReport } from './report.ts'
import { agreesByDhe, agreesByEcdhe, isExport } from './suite-traits.ts'
import type { Talks } from './talks.ts'

/** What is known of the server when its ways to agree on a key are asked. */
export interface KnownSuites {
  /** newest first */
  readonly versions: readonly VersionReport[]
  readonly dialect: Dialect
}

/** Asks which groups are accepted: of TLS 1.3 by retry requests, of ECDHE by what the server signs. */
export async function askGroups(talks: Talks, known: KnownSuites): Promise<AcceptedGroups> {
  return { tls13: await askTls13Groups(talks, known), ecdhe: await askEcdheGroups(talks, known) }
}

async function askTls13Groups(talks: Talks, { versions }: KnownSuites): Promise<readonly number[] | null> {
  const suites = versions.find(({ version }) => version === 0x0304)?.suites ?? []
  if (suites.length === 0) return null
  const { chosen } = await eliminate(talks, tls13Groups, {
    offer: (left) => tls13Question(suites, talks.endpoint.name, left),
    choiceOf: ({ flight }) => (flight?.hello?.retry ? flight.hello.group : null),
    reading: 'brief'
  })
  return talks.stopped !== null && chosen.length === 0 ? null : chosen
}

async function askEcdheGroups(
  talks: Talks,
  { versions, dialect }: KnownSuites
): Promise<readonly number[] | null> {
  const { name } = talks.endpoint
  if (dialect === 'bare') return null
  const best = versions.find(
    ({ version, suites }) => version > 0x0300 && version < 0x0304 && suites.some((id) => agreesByEcdhe(id))
  )
  if (!best) return null
  const { version } = best
  // with an ECDSA key the groups must hold the key's own too, or the suite is refused: RSA tells more
  const signedByRsa = best.suites.filter((id) => agreesByEcdhe(id) === 'RSA')
  const suites = signedByRsa.length > 0 ? signedByRsa : best.suites.filter((id) => agreesByEcdhe(id))
  const { chosen } = await eliminate(talks, ecdheGroups, {
    offer: (left) => ({ ...oldOffer(suites, { version, dialect, name }), groups: left }),
    choiceOf: ({ flight }) => (flight?.keyExchange ? namedGroup(flight.keyExchange) : null),
    reading: 'whole'
  })
  return talks.stopped !== null && chosen.length === 0 ? null : chosen
}

/** Asks how large the primes of DHE are, in the newest version that has such suites. */
export async function askPrimes(talks: Talks, known: KnownSuites): Promise<DiffieHellmanSizes> {
  return {
    bits: await askPrime(talks, known, (id) => agreesByDhe(id) && !isExport(id)),
    exportBits: await askPrime(talks, known, (id) => agreesByDhe(id) && isExport(id))
  }
}

async function askPrime(
  talks: Talks,
  { versions, dialect }: KnownSuites,
  wanted: (suite: number) => boolean
): Promise<number | null> {
  const best = versions.find(({ version, suites }) => version < 0x0304 && suites.some(wanted))
  if (!best) return null
  const { version } = best
  const offer = oldOffer(best.suites.filter(wanted), { version, dialect, name: talks.endpoint.name })
  const answer = await talks.ask(offer, 'whole')
  return answer?.flight?.keyExchange ? primeBits(answer.flight.keyExchange) : null
}
