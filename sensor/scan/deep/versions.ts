import { eliminate, eliminateLists, whoseOrder, type Accepted, type Elimination } from './elimination.ts'
import {
  curiousOldOffer,
  dialects,
  oldOffer,
  suiteLists,
  tls13Offer,
  tls13Question,
  tls13Suites,
  type Dialect
} from './offers.ts'
import type { VersionReport } from './report.ts'
import { Ssl2Reader, writeSsl2Hello } from './ssl2.ts'
import type { Answer, Talks } from './talks.ts'

/** A version with the answer to a hello that offers it alone and asks for all there is to tell. */
export interface Spoken {
  readonly version: number
  readonly answer: Answer
}

/** Which versions are spoken. */
export interface SpokenVersions {
  /** those accepted, newest first; SSL 2.0 is asked for by itself */
  readonly spoken: readonly Spoken[]
  /** versions that were asked for and are not spoken, newest first */
  readonly refused: readonly VersionReport[]
  /** in which hellos of versions before TLS 1.3 are said to this server */
  readonly dialect: Dialect
}

const tls13 = 0x0304
const oldVersions = [0x0303, 0x0302, 0x0301, 0x0300]

/** Finds the TLS versions (and SSL 3.0) that an endpoint accepts, each by a hello that offers no other. */
export async function askVersions(talks: Talks): Promise<SpokenVersions> {
  const newest = await askTls13(talks)
  const answers: Spoken[] = newest ? [{ version: tls13, answer: newest }] : []
  for (const dialect of dialects) {
    const old = await askOldVersions(talks, dialect)
    const all = [...answers, ...old]
    if (all.some(isAccepted) || old.every(isUnderstood) || dialect === 'bare') {
      return {
        spoken: all.filter(isAccepted),
        refused: all.filter((one) => !isAccepted(one)).map(refusal),
        dialect
      }
    }
  }
  return { spoken: [], refused: [], dialect: 'full' }
}

function isAccepted({ version, answer }: Spoken): boolean {
  return answer.flight?.hello?.version === version
}

/** who refuses a version by name, or speaks something else, does not need to be asked in simpler words */
function isUnderstood({ answer: { end } }: Spoken): boolean {
  return (end.kind === 'alert' && end.alert === protocolVersion) || end.kind === 'not-tls'
}

const protocolVersion = 70

function refusal({ version, answer }: Spoken): VersionReport {
  // no answer is no clear one
  return { version, accepted: false, suites: [], order: null, complete: answer.end.kind !== 'stalled' }
}

async function askTls13(talks: Talks): Promise<Answer | null> {
  const { name } = talks.endpoint
  const answer = await talks.ask(tls13Offer(tls13Suites, name), 'whole')
  if (!answer || isAccepted({ version: tls13, answer })) return answer
  // a server may know none of the groups that we have a key for
  return talks.ask(tls13Question(tls13Suites, name), 'brief')
}

async function askOldVersions(talks: Talks, dialect: Dialect): Promise<Spoken[]> {
  const [list = []] = suiteLists(dialect)
  const answers: Spoken[] = []
  for (const version of oldVersions) {
    const offer = curiousOldOffer(list, { version, dialect, name: talks.endpoint.name })
    const answer = await talks.ask(offer, 'whole')
    if (answer) answers.push({ version, answer })
  }
  return answers
}

/** How the suites of one version are offered. */
export function bySuite({ version, dialect }: SuiteQuestion, talks: Talks): Elimination<number> {
  const { name } = talks.endpoint
  return {
    offer: (left) =>
      version === tls13 ? tls13Question(left, name) : oldOffer(left, { version, dialect, name }),
    choiceOf: ({ flight }) => (flight?.hello?.version === version ? flight.hello.cipher : null),
    reading: 'brief'
  }
}

/** A version in a dialect. */
export interface SuiteQuestion {
  readonly version: number
  readonly dialect: Dialect
}

/** Finds the suites of one version that is accepted, and whose order decides. */
export async function askSuites(talks: Talks, question: SuiteQuestion): Promise<VersionReport> {
  const { version, dialect } = question
  let how = bySuite(question, talks)
  const lists = version === tls13 ? [tls13Suites] : suiteLists(dialect)
  let found: Accepted<number> = await eliminateLists(talks, lists, how)
  if (version === tls13 && found.complete && found.chosen.length === 0) {
    // a server that cannot ask for a key share
    how = { ...how, offer: (left) => tls13Offer(left, talks.endpoint.name) }
    found = await eliminate(talks, tls13Suites, how)
  }
  const order = found.complete ? await whoseOrder(talks, found.chosen, how) : null
  return { version, accepted: true, suites: found.chosen, order, complete: found.complete }
}

/** Asks for SSL 2.0, whose server lists its cipher kinds at once; null when it was not asked. */
export async function askSsl2(talks: Talks): Promise<VersionReport | null> {
  const reader = new Ssl2Reader()
  const answer = await talks.askBy(writeSsl2Hello, reader)
  if (!answer) return null
  const accepted = reader.kinds !== null
  return { version: 0x0002, accepted, suites: reader.kinds ?? [], order: null, complete: true }
}
