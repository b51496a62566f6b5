import { askAlpn, askFallback, askStaple, mayBeHttp, stapleOf } from './extras.ts'
import { finishHandshake } from './handshake.ts'
import { askGroups, askPrimes, type KnownSuites } from './key-agreement.ts'
import type { DeepReport, VersionReport } from './report.ts'
import { Talks, type DeepBudget, type DeepEndpoint, type DeepTools } from './talks.ts'
import { askSsl2, askSuites, askVersions, type SpokenVersions } from './versions.ts'

/** What a deep probe may take unless told otherwise. */
export const deepBudget: DeepBudget = { connections: 160, ms: 60_000, connectMs: 3_000, answerMs: 5_000 }

/**
 * MySQL and MariaDB count handshakes that were cut and bar a host after 100 of them (max_connect_errors), until
 * somebody flushes the list: there a probe asks for the versions and little more.
 */
const mysqlConnections = 10

/**
 * Asks one endpoint everything that can be learnt without exploiting anything: versions, cipher suites,
 * groups, extensions, and how an HTTP server calls itself. One connection at a time, each after `turn()`; no
 * handshake is finished but one. It never throws for what the server does; when the budget ends or `signal`
 * aborts, the report tells what is known so far and why it ended.
 */
export async function deepProbe(
  endpoint: DeepEndpoint,
  tools: DeepTools,
  signal: AbortSignal
): Promise<DeepReport> {
  const talks = new Talks(endpoint, { ...tools, budget: budgetFor(endpoint, tools.budget) }, signal)
  const found = await askVersions(talks)
  const ssl2 = await askSsl2(talks)
  const versions = await reportVersions(talks, found)
  const known = { versions, dialect: found.dialect }

  const fallbackScsv = await askFallback(talks, known)
  const diffieHellman = await askPrimes(talks, known)
  const alpn = await askAlpn(talks, known)
  const { ticket, http } = await visit(talks, { versions, alpn })
  const groups = await askGroups(talks, known)
  const staple = await findStaple(talks, found, known)
  const facts = oldFacts(found)
  return {
    ...endpoint,
    at: tools.clock.now(),
    stopped: talks.stopped,
    cost: talks.cost,
    versions: ssl2 ? [...versions, ssl2] : versions,
    groups,
    diffieHellman,
    alpn,
    ...staple,
    ...facts,
    tickets: { tls12: facts.tickets.tls12, tls13: ticket },
    fallbackScsv,
    http
  }
}

function budgetFor({ starttls }: DeepEndpoint, budget: DeepBudget): DeepBudget {
  if (starttls !== 'mysql') return budget
  return { ...budget, connections: Math.min(budget.connections, mysqlConnections) }
}

async function reportVersions(talks: Talks, found: SpokenVersions): Promise<VersionReport[]> {
  const reports = [...found.refused]
  for (const { version } of found.spoken) {
    reports.push(await askSuites(talks, { version, dialect: found.dialect }))
  }
  return reports.sort((one, other) => other.version - one.version)
}

interface VisitOptions {
  readonly versions: readonly VersionReport[]
  readonly alpn: readonly string[] | null
}

/** the one finished handshake, where Node's TLS can speak with the server and there is something to learn */
async function visit(talks: Talks, { versions, alpn }: VisitOptions) {
  const newest = versions.find(({ accepted }) => accepted)?.version ?? 0
  const http = mayBeHttp(talks.endpoint, alpn)
  if (newest <= 0x0300 || (newest < 0x0304 && !http)) return { ticket: null, http: null }
  return finishHandshake(talks, http)
}

async function findStaple(talks: Talks, { spoken }: SpokenVersions, known: KnownSuites) {
  if (spoken.length === 0) return { stapling: null, staple: null }
  const first = spoken.map(({ answer }) => stapleOf(answer)).find((response) => response !== null)
  const staple = first ?? (await askStaple(talks, known))
  return { stapling: staple !== null, staple: staple && Buffer.from(staple).toString('base64') }
}

/** what the newest answer before TLS 1.3 says by its extensions */
function oldFacts({ spoken, dialect }: SpokenVersions) {
  const old = spoken.filter(({ version }) => version < 0x0304)
  const hello = old[0]?.answer.flight?.hello
  if (!hello) return { ...noOldFacts }
  const says = (type: number) => hello.extensions.includes(type)
  // what a hello without extensions did not ask for, its answer cannot tell
  const asked = dialect !== 'bare' && hello.version > 0x0300
  const compressed = old.some(({ answer }) => (answer.flight?.hello?.compression ?? 0) !== 0)
  return {
    secureRenegotiation: says(0xff01),
    extendedMasterSecret: asked ? says(23) : null,
    compression: dialect === 'full' ? compressed : null,
    heartbeat: asked ? says(15) : null,
    tickets: { tls12: asked ? says(35) : null }
  }
}

const noOldFacts = {
  secureRenegotiation: null,
  extendedMasterSecret: null,
  compression: null,
  heartbeat: null,
  tickets: { tls12: null }
}
