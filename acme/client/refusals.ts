import { Fault, type FaultCode, type FaultFacts } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { mediaTypeOf } from '../messages/headers.ts'
import { problemRow } from '../messages/problem-types.ts'
import { problemMediaType, readProblem, type AcmeProblem, type Subproblem } from '../messages/problem.ts'
import type { WireAnswer } from './connection.ts'

/** Who refused, and what: completes "The CA acme.example refuses …". */
export interface Refused {
  readonly ca: string
  readonly what: string
}

/** The problem document in an answer, or null when it holds none. */
export function problemIn(answer: WireAnswer, retryAfterMs: number | null): AcmeProblem | null {
  const mediaType = mediaTypeOf(answer.headers['content-type'])
  if (mediaType !== problemMediaType && mediaType !== 'application/json') return null
  try {
    return readProblem(JSON.parse(answer.body.toString('utf8')), { status: answer.status, retryAfterMs })
  } catch {
    // what is no JSON is no problem document; the status says the rest
    return null
  }
}

/** The fault that an answer without success becomes; its cause is the problem ({@link problemOfFault}). */
export function refusalOf(answer: WireAnswer, retryAfterMs: number | null, refused: Refused): Fault {
  const problem = problemIn(answer, retryAfterMs)
  return problem ? problemFault(problem, refused) : statusFault(answer, retryAfterMs, refused)
}

/**
 * The fault of a problem, with a sentence for a person that names every identifier with what is wrong about it.
 * Also for the problems that orders and authorizations carry.
 */
export function problemFault(problem: AcmeProblem, { ca, what }: Refused): Fault {
  const row = problemRow(problem.type)
  const remedy = row?.remedy ?? 'See what the CA says.'
  const page = problem.instance ? ` See ${problem.instance}.` : ''
  const message = `The CA ${ca} refuses ${what}: ${explainProblem(problem)} ${remedy}${page}${waiting(problem.retryAfterMs)}`
  const names = problem.subproblems.flatMap(({ identifier }) => (identifier === null ? [] : [identifier]))
  return new Fault(codeOf(problem), message, factsOf(problem, names), problem)
}

/** What the CA said, when a fault comes from a problem document; else undefined. */
export function problemOfFault({ cause }: Fault): AcmeProblem | undefined {
  const isProblem = typeof cause === 'object' && cause !== null && 'subproblems' in cause
  return isProblem ? (cause as AcmeProblem) : undefined
}

const mostShown = 20

/** A problem in words for a person, ending in a full stop: why, what the CA says, and what it says of each name. */
export function explainProblem(problem: AcmeProblem): string {
  const row = problemRow(problem.type)
  const because = row ? `${row.because} (${problem.type}).` : `${unknownType(problem)}.`
  const detail = problem.detail === null ? '' : ` It says: ${quoted(problem.detail)}.`
  const shown = problem.subproblems.slice(0, mostShown).map(explainSubproblem)
  const more = problem.subproblems.length - shown.length
  const each = shown.length === 0 ? '' : ` ${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}.`
  return `${because}${detail}${each}`
}

function explainSubproblem({ type, detail, identifier }: Subproblem): string {
  const why = problemRow(type)?.because ?? 'the CA refuses it'
  return `${identifier ?? 'one of them'}: ${why}${detail === null ? '' : `, ${quoted(detail)}`}`
}

function unknownType({ type, status }: AcmeProblem): string {
  const named = type === 'other' ? 'without naming a reason' : `for a reason of its own (${type})`
  return `${named}${status > 0 ? `, HTTP status ${status}` : ''}`
}

function quoted(text: string): string {
  return `"${text.replace(/\.$/, '').replaceAll('"', "'")}"`
}

/** what the status says counts where the CA names no type of the table, or none that says more */
function codeOf({ type, status, retryAfterMs }: AcmeProblem): FaultCode {
  const row = problemRow(type)
  const isVague = row === undefined || type === 'malformed' || type === 'serverInternal'
  const byStatus = codeOfStatus(status, retryAfterMs)
  if (isVague && byStatus) return byStatus
  return row?.code ?? 'acme-refused'
}

function codeOfStatus(status: number, retryAfterMs: number | null): FaultCode | undefined {
  if (status === 404 || status === 410) return 'acme-missing'
  if (status === 409) return 'acme-conflict'
  if (status === 429) return 'acme-rate-limited'
  if (status >= 500 || (status === 403 && retryAfterMs !== null)) return 'acme-unavailable'
  return undefined
}

function factsOf({ type, status, retryAfterMs }: AcmeProblem, names: readonly string[]): FaultFacts {
  return {
    type,
    status,
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
    ...(names.length === 0 ? {} : { names })
  }
}

function statusFault(answer: WireAnswer, retryAfterMs: number | null, { ca, what }: Refused): Fault {
  const { status } = answer
  const mediaType = visible(mediaTypeOf(answer.headers['content-type']) || 'no content type', 60)
  const facts = { status, mediaType, ...(retryAfterMs === null ? {} : { retryAfterMs }) }
  if (status >= 300 && status < 400) {
    const text = `The CA ${ca} sends elsewhere for ${what} (status ${status}), which ACME does not do. Write the address that the CA gives.`
    return new Fault('acme-malformed', text, facts)
  }
  const code = codeOfStatus(status, retryAfterMs) ?? 'acme-malformed'
  const told = `The CA ${ca} answers ${status} to ${what}, without a reason that can be read (${mediaType}).`
  const remedies: Partial<Record<FaultCode, string>> = {
    'acme-missing': ' Check the address, or order again.',
    'acme-malformed': ' Check that nothing stands between, and that the address is that of an ACME directory.'
  }
  const remedy = remedies[code] ?? (retryAfterMs === null ? ' Try again later.' : '')
  return new Fault(code, `${told}${remedy}${waiting(retryAfterMs)}`, facts)
}

/** when the CA wants to be asked again, for a person */
function waiting(retryAfterMs: number | null): string {
  if (retryAfterMs === null) return ''
  const seconds = Math.ceil(retryAfterMs / 1000)
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min']
  ] as const
  const [size, unit] = units.find(([size]) => seconds >= size) ?? [1, 's']
  return ` The CA wants to be asked again in ${Math.ceil(seconds / size)} ${unit}.`
}
